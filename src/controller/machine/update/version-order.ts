/** `v1.2.3-rc.1+build`: numbers, and words of what comes before them. */
const VERSION = /^v?(\d{1,15}(?:\.\d{1,15})*)(?:-([0-9A-Za-z.-]+))?(?:\+.*)?$/;

/** Whether two words name one version; `v` before the number says nothing. */
export function isSameVersion(one: string, other: string): boolean {
  return plain(one) === plain(other);
}

/**
 * Whether a version may be older than another, by the order of semantic versioning: it is, or it cannot be told. Nothing is older than
 * what is no version at all.
 */
export function mayBeOlder(version: string, than: string): boolean {
  const other = VERSION.exec(than);
  if (other === null) return false;
  const one = VERSION.exec(version);
  if (one === null) return true;
  const [[, numbers = '', before = ''], [, otherNumbers = '', otherBefore = '']] = [one, other];
  const byNumbers = compareWords(numbers.split('.'), otherNumbers.split('.'), '0');
  if (byNumbers !== 0 || before === otherBefore) return byNumbers < 0;
  // What comes before a version is older than it.
  if (before === '' || otherBefore === '') return otherBefore === '';
  return compareWords(before.split('.'), otherBefore.split('.'), '') < 0;
}

/** `missing`: what stands for a word that one of both does not have. */
function compareWords(one: readonly string[], other: readonly string[], missing: string): number {
  for (let index = 0; index < Math.max(one.length, other.length); index++) {
    const [a, b] = [one[index] ?? missing, other[index] ?? missing];
    if (a === b) continue;
    const isNumber = (word: string): boolean => /^\d+$/.test(word);
    if (isNumber(a) && isNumber(b)) {
      const difference = Number(a) - Number(b);
      if (difference !== 0) return difference;
      continue;
    }
    // Nothing is before numbers, and numbers are before words.
    if (a === '' || b === '') return a === '' ? -1 : 1;
    if (isNumber(a) !== isNumber(b)) return isNumber(a) ? -1 : 1;
    return a < b ? -1 : 1;
  }
  return 0;
}

function plain(version: string): string {
  return version.replace(/^v(?=\d)/, '');
}
