import { createRequire } from 'node:module';

/**
 * Whether a rule's `match` applies to a file. Patterns work as in gitignore: `*.mov` matches in every sub-folder, a pattern with a
 * slash starts at the inbox, `holiday/` is everything below it, `!*.avi` excludes files again. Case does not matter (cameras write
 * `.MOV`), and hidden files never match.
 *
 * @param relative path within the inbox, `/` between its parts
 */
export function matches(patterns: readonly string[], relative: string): boolean {
  return matcherFor(patterns)(relative);
}

type Matcher = (relative: string) => boolean;

/** Patterns live as long as the configuration, and an inbox of 100,000 files asks for the same ones. */
const cache = new WeakMap<readonly string[], Matcher>();

function matcherFor(patterns: readonly string[]): Matcher {
  const cached = cache.get(patterns);
  if (cached) return cached;
  const included = patterns.filter(pattern => !pattern.startsWith('!')).map(compile);
  const excluded = patterns.filter(pattern => pattern.startsWith('!')).map(pattern => compile(pattern.slice(1)));
  const matcher: Matcher = written => {
    // The dot of a regular expression stops at a line end, and file names may contain some.
    const relative = written.replace(/[\n\r\u2028\u2029]/g, ' ');
    if (excluded.some(match => match(relative))) return false;
    return included.length === 0 ? isVisible(relative) : included.some(match => match(relative));
  };
  cache.set(patterns, matcher);
  return matcher;
}

function compile(pattern: string): Matcher {
  if (pattern === '**') return isVisible;
  const plain = pattern.replace(/^\.\//, '').replace(/\/$/, '/**');
  // Loaded late: the default pattern does without.
  const picomatch = createRequire(import.meta.url)('picomatch') as typeof import('picomatch');
  const match = picomatch(plain, { nocase: true, dot: false });
  if (plain.includes('/')) return match;
  // The base name alone would let `*.mov` into hidden folders.
  return relative => isVisible(relative) && match(relative.slice(relative.lastIndexOf('/') + 1));
}

/** Neither the file nor a folder above it is hidden. */
function isVisible(relative: string): boolean {
  return !/(?:^|\/)\./.test(relative);
}
