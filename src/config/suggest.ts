/** Optimal string alignment distance: insertions, deletions, replacements and swaps of neighbours each count one. */
export function editDistance(a: string, b: string): number {
  let twoBack: number[] = [];
  let oneBack = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i += 1) {
    const row = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1;
      let best = Math.min((row[j - 1] ?? 0) + 1, (oneBack[j] ?? 0) + 1, (oneBack[j - 1] ?? 0) + same);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        best = Math.min(best, (twoBack[j - 2] ?? 0) + 1);
      }
      row.push(best);
    }
    twoBack = oneBack;
    oneBack = row;
  }
  return oneBack[b.length] ?? 0;
}

/** Longer than any word of ours by far; whatever is longer is no typing mistake and not worth comparing. */
const MAX_WORD_LENGTH = 60;

/**
 * The known word a person most likely meant, or `undefined` when none is near: at most a third of the letters wrong, case,
 * hyphens and camelCase not counted (`stateDir` and `state-dir` are `state_dir`).
 */
export function closest(word: string, known: Iterable<string>): string | undefined {
  if (word.length > MAX_WORD_LENGTH) return undefined;
  const plain = (text: string) => text.toLowerCase().replace(/[\s_-]/g, '');
  let found: string | undefined;
  let least = Number.POSITIVE_INFINITY;
  for (const candidate of known) {
    const distance = editDistance(plain(word), plain(candidate));
    if (distance < least) [least, found] = [distance, candidate];
  }
  return least <= Math.max(1, Math.floor(word.length / 3)) ? found : undefined;
}

/** `; did you mean "size"?`, or nothing. */
export function didYouMean(word: string, known: Iterable<string>): string {
  const meant = closest(word, known);
  return meant === undefined ? '' : `; did you mean "${meant}"?`;
}
