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

/** What leads over to a request from the sentence before it. */
const LEAD =
  /^(?:[^\p{L}\p{N}"“「《]+|(?:and|then|so|but|now|next|finally|please|just|simply|you (?:can|may|could|need to|should|have to)|you'll need to)\b|然后|接着|最后|现在|所以|[您你]?(?:可以|需要)|请[您你]?)/iu;

/**
 * A request that somebody else worded, as one argument to copy into a command line: quoted so that no POSIX shell, nor fish, finds
 * anything in it to run. It begins with the request itself and has no end mark.
 */
export function offeredWords(request: string): string {
  let words = request;
  while (LEAD.test(words)) words = words.replace(LEAD, '');
  const harmless = escapeForTerminal(words)
    .replace(/\\/g, ' ')
    .replace(/'/g, '’')
    .replace(/\s+/g, ' ')
    .replace(/[\s.!?,;:。！？，；：]+$/u, '');
  return `'${harmless}'`;
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
