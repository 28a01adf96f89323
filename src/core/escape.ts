/** Makes text from anybody safe to show to a person: nothing in it moves a cursor or reverses what follows. */

/** Control characters, lone surrogates, and marks that change the direction of what follows. */
const UNSAFE = /[\p{Cc}\p{Cs}\p{Bidi_Control}\u2028\u2029\ufeff]/gu;

/** The same text with every character that is not plain written as an escape: `a\nb`, `\u{1b}[2J`. */
export function escapeForTerminal(text: string): string {
  return text.replace(UNSAFE, escaped);
}

/** JSON with the same escapes; it parses back to the same value. */
export function escapeJsonForTerminal(value: unknown, indent = 2): string {
  return JSON.stringify(value, null, indent).replace(UNSAFE, character =>
    // Newlines are the layout; JSON.stringify has already escaped all other C0 controls.
    character === '\n' ? character : `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

function escaped(character: string): string {
  const short = SHORT[character];
  return short ?? `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`;
}

const SHORT: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };
