/** The text with its Latin letters stripped of accents (`é` to `e`, `ü` to `u`); its length does not change. `ß` stays. */
export function foldAccents(text: string): string {
  return text.replace(/(?![ -~])\p{Script=Latin}/gu, letter => {
    const plain = letter.normalize('NFD').replace(/\p{M}/gu, '');
    return plain.length === letter.length ? plain : letter;
  });
}
