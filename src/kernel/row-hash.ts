/** The hash by which `random_sample` chooses rows: 32 bits that depend on all of both numbers. */
export function hashOfRow(row: number, seed: number): number {
  let hash = Math.imul(row ^ seed, 0x9e3779b1) ^ (seed >>> 16);
  hash = Math.imul(hash ^ (hash >>> 15), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
