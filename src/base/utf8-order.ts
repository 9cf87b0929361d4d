/**
 * The order of strings by their UTF-8 bytes, which is also the order of their code points. It is the order of keys in every store.
 *
 * JavaScript's own `<` compares UTF-16 units and puts U+10000 and above (surrogates, 0xD800–0xDFFF) before U+E000–U+FFFF.
 */

/** Negative, zero or positive, for well-formed strings. */
export function compareUtf8(left: string, right: string): number {
  const shared = Math.min(left.length, right.length);
  for (let index = 0; index < shared; index++) {
    const leftUnit = left.charCodeAt(index);
    const rightUnit = right.charCodeAt(index);
    if (leftUnit !== rightUnit) return rankOfUnit(leftUnit) - rankOfUnit(rightUnit);
  }
  return left.length - right.length;
}

/** Surrogates move above the rest of the basic plane. */
function rankOfUnit(unit: number): number {
  if (unit < 0xd800) return unit;
  return unit < 0xe000 ? unit + 0x2000 : unit - 0x800;
}
