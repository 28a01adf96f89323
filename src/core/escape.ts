/** Makes text from anybody safe to show to a person: nothing in it moves a cursor or reverses what follows. */

/**
 * Control characters, lone surrogates, line separators, marks that change the direction of what follows, and characters nobody
 * can see: two names could look the same.
 */
const UNSAFE =
  /[\p{Cc}\p{Cs}\p{Bidi_Control}\p{Zl}\p{Zp}\u00ad\u115f\u1160\u180e\u200b-\u200d\u2060-\u206f\u3164\ufeff\uffa0\ufff9-\ufffb\u{e0000}-\u{e007f}]/u;
const EVERY_UNSAFE = new RegExp(UNSAFE, 'gu');

/** The text with `by` in place of every character that is not safe to show. */
export function replaceUnsafe(text: string, by: (character: string) => string): string {
  return text.replace(EVERY_UNSAFE, (character, offset: number) =>
    isJoining(character, text.slice(Math.max(0, offset - 2), offset)) ? character : by(character),
  );
}

/** Emoji and Persian and Indic words need joiners; at the start and after ASCII they only deceive. */
function isJoining(character: string, before: string): boolean {
  if (character !== '\u200c' && character !== '\u200d') return false;
  const last = Array.from(before).at(-1) ?? '';
  return last > '\u007f' && !UNSAFE.test(last);
}

/** The same text with every character that is not plain written as an escape: `a\nb`, `\u{1b}[2J`. */
export function escapeForTerminal(text: string): string {
  return replaceUnsafe(text, escaped);
}

/** JSON with the same escapes; it parses back to the same value. */
export function escapeJsonForTerminal(value: unknown, indent = 2): string {
  return escapeJsonText(JSON.stringify(value, null, indent));
}

/** The same for JSON that is text already. */
export function escapeJsonText(json: string): string {
  // Newlines are the layout; JSON.stringify has already escaped all other C0 controls.
  return replaceUnsafe(json, character => (character === '\n' ? character : unitsOf(character)));
}

/** As JSON escapes it: characters beyond 16 bits are two units. */
function unitsOf(character: string): string {
  return Array.from(
    { length: character.length },
    (_, i) => `\\u${character.charCodeAt(i).toString(16).padStart(4, '0')}`,
  ).join('');
}

function escaped(character: string): string {
  const short = SHORT[character];
  return short ?? `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`;
}

const SHORT: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };
