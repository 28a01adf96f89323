import picomatch from 'picomatch';

/**
 * Whether a rule's `match` takes a file, as gitignore reads patterns: `*.mov` is looked for in every sub-folder, a pattern
 * with a slash counts from the inbox, `holiday/` is everything below, `!*.avi` takes files out again. Case does not count
 * (cameras write `.MOV`), hidden files never match.
 *
 * @param relative path within the inbox, `/` between its parts
 */
export function matches(patterns: readonly string[], relative: string): boolean {
  return compiled(patterns)(relative);
}

type Matcher = (relative: string) => boolean;

/** Patterns live as long as the configuration; a folder of 100,000 files asks for the same ones. */
const cache = new WeakMap<readonly string[], Matcher>();

function compiled(patterns: readonly string[]): Matcher {
  const known = cache.get(patterns);
  if (known) return known;
  const wanted = patterns.filter(pattern => !pattern.startsWith('!')).map(one);
  const unwanted = patterns.filter(pattern => pattern.startsWith('!')).map(pattern => one(pattern.slice(1)));
  const matcher: Matcher = written => {
    // The dot of a regular expression stops at a line's end, and file names may have lines.
    const relative = written.replace(/[\n\r\u2028\u2029]/g, ' ');
    if (unwanted.some(match => match(relative))) return false;
    return wanted.length === 0 ? one('**')(relative) : wanted.some(match => match(relative));
  };
  cache.set(patterns, matcher);
  return matcher;
}

function one(pattern: string): Matcher {
  const plain = pattern.replace(/^\.\//, '').replace(/\/$/, '/**');
  const match = picomatch(plain, { nocase: true, dot: false });
  if (plain.includes('/')) return match;
  // The base name alone would let `*.mov` into hidden folders.
  return relative => !/(?:^|\/)\./.test(relative) && match(relative.slice(relative.lastIndexOf('/') + 1));
}
