// The form as a program: what is shown runs as it stands, once a client key is put in.

import { $, $$, tell } from "./console.js";

const KEY = "YOUR_CLIENT_KEY";

const section = $(".snippets");
const tabs = $$('[role="tab"]', section);
const base = `http://${section.dataset.host || location.hostname}:${section.dataset.port}`;
/** What is asked, and the names of the pictures to go by. */
let asked;
let names = [];

export const snippets = {
  /** Shows this question, with pictures of these names to go by. */
  show(question, references) {
    [asked, names] = [{ ...question, prompt: question.prompt.trim() ? question.prompt : "A lighthouse in fog" }, references];
    const chosen = tabs.find((tab) => tab.getAttribute("aria-selected") === "true");
    $("#snippet code").textContent = WRITERS[chosen.dataset.as]();
  },
};

/** The wishes that are Tessera's own. */
function wishes() {
  return { aspect_ratio: asked.ratio, imageSize: asked.resolution, ...(asked.people === "deny" && { personGeneration: "deny" }) };
}

const literal = JSON.stringify;
const remark = (sign) => `${sign} ${base} is where this gateway listens; from elsewhere it may have another name.\n`;
const python = (object) => `{${Object.entries(object).map(([key, value]) => `${literal(key)}: ${value === true ? "True" : literal(value)}`).join(", ")}}`;
const script = (object) => `{ ${Object.entries(object).map(([key, value]) => `${key}: ${literal(value)}`).join(", ")} }`;
const mediaType = (name) => `image/${name.split(".").pop().replace("jpg", "jpeg")}`;
const pythonPictures = () => `pictures = [${names.map((name) => `shown(${literal(name)}, ${literal(mediaType(name))})`).join(", ")}]`;

const WRITERS = {
  curl: () => (names.length ? curlWithPictures() : curl()),
  openai: () => (names.length ? openaiWithPictures() : openai()),
  anthropic,
  typescript: () => (names.length ? typescriptWithPictures() : typescript()),
};

function curlHead(path, ending) {
  return `${remark("#")}curl --fail-with-body -sS ${base}${path} \\
  -H "Authorization: Bearer ${KEY}" \\
  -H "Content-Type: application/json" \\
  --data-binary @- <<${ending} > answer.json
`;
}

/** Takes each picture out of the answer; `path` is where the one of number `$i` is, counted from 0. */
function curlTail(path, extension) {
  if (asked.n === 1) return `jq -er "${path.replace("$i", "0")}" answer.json | base64 -d > "picture.${extension}"\n`;
  return `for i in $(seq 0 ${asked.n - 1}); do
  jq -er "${path}" answer.json | base64 -d > "picture-$i.${extension}"
done
`;
}

function curl() {
  const body = { model: asked.model, prompt: asked.prompt, n: asked.n, response_format: "b64_json", ...wishes() };
  return `${curlHead("/v1/images/generations", "'JSON'")}${JSON.stringify(body, null, 2)}
JSON
${curlTail(".data[$i].b64_json", "$(jq -r .output_format answer.json)")}`;
}

/** The shell puts the pictures in, so what it would take for its own is kept from it. */
function curlWithPictures() {
  const own = (text) => text.replace(/[\\$`]/g, "\\$&");
  const pictures = names.map((name) => {
    const url = `data:${mediaType(name)};base64,$(base64 < ${name} | tr -d '\\n')`;
    return `      {"type": "image_url", "image_url": {"url": "${url}"}},`;
  });
  const rest = Object.entries({ n: asked.n, modalities: ["image", "text"], ...wishes() }).map(([key, value]) => `  ${literal(key)}: ${literal(value)}`);
  return `${curlHead("/v1/chat/completions", "JSON")}{
  "model": ${own(literal(asked.model))},
  "messages": [
    {"role": "user", "content": [
${pictures.join("\n")}
      {"type": "text", "text": ${own(literal(asked.prompt))}}
    ]}
  ],
${rest.join(",\n")}
}
JSON
${curlTail(".choices[$i].message.images[0].image_url.url | split(\\\",\\\")[1]", "png")}`;
}

const pythonHead = (sdk, client, url) => `${remark("#")}import base64

from ${sdk} import ${client}

client = ${client}(base_url="${url}", api_key="${KEY}")
`;

function openai() {
  return `${pythonHead("openai", "OpenAI", `${base}/v1`)}answer = client.images.generate(
    model=${literal(asked.model)},
    prompt=${literal(asked.prompt)},
    n=${asked.n},
    response_format="b64_json",
    extra_body=${python(wishes())},
)
for number, picture in enumerate(answer.data, 1):
    with open(f"picture-{number}.{answer.output_format}", "wb") as file:
        file.write(base64.b64decode(picture.b64_json))
`;
}

function openaiWithPictures() {
  return `${pythonHead("openai", "OpenAI", `${base}/v1`)}

def shown(path, media_type):
    with open(path, "rb") as file:
        data = base64.b64encode(file.read()).decode()
    return {"type": "image_url", "image_url": {"url": f"data:{media_type};base64,{data}"}}


${pythonPictures()}
answer = client.chat.completions.create(
    model=${literal(asked.model)},
    messages=[{"role": "user", "content": [*pictures, {"type": "text", "text": ${literal(asked.prompt)}}]}],
    n=${asked.n},
    modalities=["image", "text"],
    extra_body=${python(wishes())},
)
for number, choice in enumerate(answer.choices, 1):
    kind, data = choice.message.images[0]["image_url"]["url"].split(";base64,")
    with open(f"picture-{number}.{kind.split('/')[1]}", "wb") as file:
        file.write(base64.b64decode(data))
`;
}

function anthropic() {
  const extra = python({ ...(asked.n > 1 && { n: asked.n }), ...wishes(), image_blocks: true });
  const shown = `

def shown(path, media_type):
    with open(path, "rb") as file:
        data = base64.b64encode(file.read()).decode()
    return {"type": "image", "source": {"type": "base64", "media_type": media_type, "data": data}}


${pythonPictures()}
`;
  const content = names.length ? `[*pictures, {"type": "text", "text": ${literal(asked.prompt)}}]` : literal(asked.prompt);
  return `${pythonHead("anthropic", "Anthropic", base)}${names.length ? shown : ""}message = client.messages.create(
    model=${literal(asked.model)},
    max_tokens=4096,
    messages=[{"role": "user", "content": ${content}}],
    extra_body=${extra},
)
pictures = [block.to_dict()["source"] for block in message.content if block.type == "image"]
for number, picture in enumerate(pictures, 1):
    with open(f"picture-{number}.{picture['media_type'].split('/')[1]}", "wb") as file:
        file.write(base64.b64decode(picture["data"]))
`;
}

const scriptHead = () => `${remark("//")}import { ${names.length ? "readFileSync, " : ""}writeFileSync } from "node:fs";
import OpenAI from "openai";

const client = new OpenAI({ baseURL: "${base}/v1", apiKey: "${KEY}" });
const wishes = ${script(wishes())};
`;

function typescript() {
  return `${scriptHead()}const answer = await client.images.generate({
  model: ${literal(asked.model)},
  prompt: ${literal(asked.prompt)},
  n: ${asked.n},
  response_format: "b64_json",
  ...wishes,
});
for (const [place, picture] of (answer.data ?? []).entries()) {
  writeFileSync(\`picture-\${place + 1}.\${answer.output_format}\`, Buffer.from(picture.b64_json!, "base64"));
}
`;
}

function typescriptWithPictures() {
  const shown = names.map((name) => `  { type: "image_url" as const, image_url: { url: \`data:${mediaType(name)};base64,\${readFileSync(${literal(name)}, "base64")}\` } },`);
  return `${scriptHead()}const pictures = [
${shown.join("\n")}
];
const answer = await client.chat.completions.create({
  model: ${literal(asked.model)},
  messages: [{ role: "user", content: [...pictures, { type: "text", text: ${literal(asked.prompt)} }] }],
  n: ${asked.n},
  ...wishes,
});
for (const [place, choice] of answer.choices.entries()) {
  const [, kind, data] = choice.message.content!.match(/\\(data:image\\/(\\w+);base64,([^)]+)\\)/)!;
  writeFileSync(\`picture-\${place + 1}.\${kind}\`, Buffer.from(data, "base64"));
}
`;
}

// Tabs, as the keyboard expects them.

function choose(tab) {
  for (const other of tabs) {
    other.setAttribute("aria-selected", String(other === tab));
    other.tabIndex = other === tab ? 0 : -1;
  }
  $("#snippet").setAttribute("aria-labelledby", tab.id);
  snippets.show(asked, names);
}

for (const [place, tab] of tabs.entries()) {
  tab.addEventListener("click", () => choose(tab));
  tab.addEventListener("keydown", (event) => {
    const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!by) return;
    const next = tabs[(place + by + tabs.length) % tabs.length];
    next.focus();
    choose(next);
  });
}

$("#copy").addEventListener("click", async () => {
  try {
    await navigator.clipboard.writeText($("#snippet").textContent);
    tell("Copied. Put a client key where it says so.");
  } catch {
    // A page that came by plain HTTP from afar has no clipboard.
    getSelection().selectAllChildren($("#snippet"));
    tell("It is selected; copy it with the keyboard.");
  }
});
