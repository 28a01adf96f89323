/** Text that was written by anybody, as text a person may look at: nothing in it moves a cursor or turns what follows around. */

/** Control characters, halves of characters, and marks that turn the direction of what follows. */
const UNSAFE = /[\p{Cc}\p{Cs}\p{Bidi_Control}\u2028\u2029\ufeff]/gu;

/** The same text with everything that is no plain character written as an escape: `a\nb`, `\u{1b}[2J`. */
export function escapeForTerminal(text: string): string {
  return text.replace(UNSAFE, escaped);
}

/** JSON that is plain as well; it reads back to the same value. */
export function escapeJsonForTerminal(value: unknown, indent = 2): string {
  return JSON.stringify(value, null, indent).replace(UNSAFE, character =>
    // Newlines are the layout; JSON has escaped all others of C0 by itself.
    character === '\n' ? character : `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

function escaped(character: string): string {
  const short = SHORT[character];
  return short ?? `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`;
}

const SHORT: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };
