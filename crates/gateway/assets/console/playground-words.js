// How the playground writes numbers.

const money = new Intl.NumberFormat("en-US", { style: "currency", currency: "USD", minimumFractionDigits: 2, maximumFractionDigits: 4 });

/** A price in millionths of a US dollar: `$0.134`. */
export const dollars = (micro) => money.format(micro / 1_000_000);

/** `2752 × 1536` */
export const times = (width, height) => `${width} × ${height}`;

/** `3.4 MB` */
export function bytes(count) {
  if (count < 1_000) return `${count} B`;
  if (count < 999_500) return `${Math.round(count / 1_000)} kB`;
  return `${(count / 1_000_000).toFixed(1)} MB`;
}

/** `3.2 s` */
export const seconds = (milliseconds) => `${(milliseconds / 1_000).toFixed(1)} s`;
