/** A UTF-16 unit moved so that units order as the code points they are part of: surrogates go above U+E000 to U+FFFF. */
function rank(unit: number): number {
  if (unit < 0xd800) return unit;
  return unit < 0xe000 ? unit + 0x2000 : unit - 0x800;
}

/**
 * Orders texts by their UTF-8 bytes, which is the order of their code points. JavaScript's own order is by UTF-16 units and differs
 * where one text has a character above U+FFFF and the other one of U+E000 to U+FFFF (policy semantics 16.1).
 */
export function compareUtf8(a: string, b: string): number {
  const common = Math.min(a.length, b.length);
  for (let i = 0; i < common; i++) {
    const left = a.charCodeAt(i);
    const right = b.charCodeAt(i);
    if (left !== right) return rank(left) - rank(right);
  }
  return a.length - b.length;
}
