// What the page and the console say to each other: pieces in one body, each behind a byte that says what it is and four
// that say how long it is. A piece is JSON, or bytes of a picture.

import { $ } from "./console.js";

const WORDS = 0;
const PICTURE = 1;
const HEAD = 5;

/** There was no answer, or one that was refused: `field` then names what is at fault, where anything is. */
export class Unanswered extends Error {
  constructor(message, { field, refused = false } = {}) {
    super(message);
    this.field = field;
    this.refused = refused;
  }
}

/**
 * Asks for pictures. Whatever is told goes to `take` as it comes: what was told, or nothing and bytes of the picture
 * that was told of last. Aborting cancels what is not drawn yet.
 */
export async function ask(question, pictures, signal, take) {
  const body = sent(question, pictures);
  const headers = { "x-csrf-token": $('meta[name="csrf"]').content, accept: "application/json" };
  const gone = "Tessera cannot be reached; look whether it runs.";
  const answer = await fetch("/playground/pictures", { method: "POST", headers, body, signal }).catch((error) => {
    throw signal.aborted ? error : new Unanswered(gone);
  });
  if (answer.status === 401) location.reload();
  if (!answer.ok) {
    const text = await answer.text();
    const told = text.startsWith("{") ? JSON.parse(text) : { message: `It answered ${answer.status}.` };
    throw new Unanswered(told.message, { field: told.field, refused: true });
  }
  let over = false;
  try {
    await read(answer.body, (told, bytes) => {
      over ||= told?.event === "finished" || told?.event === "failed";
      take(told, bytes);
    });
  } catch (error) {
    if (signal.aborted) throw error;
  }
  if (!over) throw new Unanswered("The connection to Tessera broke off.");
}

function sent(question, pictures) {
  const words = new TextEncoder().encode(JSON.stringify(question));
  return new Blob([head(WORDS, words.length), words, ...pictures.flatMap((picture) => [head(PICTURE, picture.size), picture])]);
}

function head(kind, length) {
  const head = new DataView(new ArrayBuffer(HEAD));
  head.setUint8(0, kind);
  head.setUint32(1, length);
  return head.buffer;
}

/** Reads pieces as they come; those of a picture are passed on in whatever parts they arrive. */
async function read(stream, take) {
  const reader = stream.getReader();
  const text = new TextDecoder();
  let kept = new Uint8Array();
  let kind;
  let left = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    let part = kept.length ? joined(kept, value) : value;
    kept = new Uint8Array();
    while (part.length) {
      if (left === 0) {
        if (part.length < HEAD) break;
        const head = new DataView(part.buffer, part.byteOffset);
        [kind, left] = [head.getUint8(0), head.getUint32(1)];
        part = part.subarray(HEAD);
        continue;
      }
      if (kind === WORDS && part.length < left) break;
      const piece = part.subarray(0, left);
      part = part.subarray(piece.length);
      left -= piece.length;
      if (kind === WORDS) take(JSON.parse(text.decode(piece)));
      else take(undefined, piece.slice());
    }
    kept = part;
  }
}

function joined(one, other) {
  const both = new Uint8Array(one.length + other.length);
  both.set(one);
  both.set(other, one.length);
  return both;
}
