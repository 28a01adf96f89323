/** Parses YAML into values with their positions, and reports syntax errors. */
import { createRequire } from 'node:module';
import type { Document, Node } from 'yaml';
import type { KeyPath, Problem } from './problems.ts';
import { show, withoutSecrets } from './redact.ts';
import { tell } from './told.ts';

export interface YamlFile {
  /** The plain value; `undefined` if the syntax is too broken to have one. */
  value: unknown;
  problems: Problem[];
  /** The position of the value at a path, or of its key; of the nearest parent where the path does not exist. */
  place(path: KeyPath, which?: 'key' | 'value'): { line: number; column: number };
}

const START = { line: 1, column: 1 };

/** A file whose aliases repeat parts more often is meant to exhaust the memory. */
const MAX_ALIASES = 100;

/** Loaded late: seventy modules that nobody needs without a configuration file. */
const library = () => createRequire(import.meta.url)('yaml') as typeof import('yaml');

/** Represents a configuration file that does not exist. */
export const NOTHING_WRITTEN: YamlFile = { value: {}, problems: [], place: () => START };

export function parseYaml(file: string, text: string): YamlFile {
  try {
    return parse(file, text);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    // The parser recurses: a hundred thousand brackets overflow its stack.
    const message = tell('config.nested');
    return { value: undefined, problems: [{ file, line: 1, column: 1, path: '', message }], place: () => START };
  }
}

function parse(file: string, text: string): YamlFile {
  const { LineCounter, parseDocument } = library();
  const lines = new LineCounter();
  const at = (offset: number) => {
    const { line, col } = lines.linePos(offset);
    return line > 0 ? { line, column: col } : START;
  };
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, merge: true, uniqueKeys: false });
  // Parts of the parser report what others throw.
  if (document.errors.some(({ message }) => /call stack/i.test(message))) throw new RangeError('nested too deeply');
  const problem = (offset: number, message: string): Problem => ({ file, ...at(offset), path: '', message });
  const problems = distinct([
    ...[...document.errors, ...document.warnings].map(said =>
      problem(said.pos[0], syntaxMessage(said.code, said.message)),
    ),
    ...keyProblems(document).map(({ offset, message }) => problem(offset, message)),
  ]);
  const place: YamlFile['place'] = (path, which = 'value') => at(offsetOf(document, path, which));
  const usable =
    document.errors.length === 0 && !problems.some(({ message }) => message === tell('config.complex-key'));
  if (!usable) return { value: undefined, problems, place };
  try {
    return { value: document.toJS({ maxAliasCount: MAX_ALIASES }), problems, place };
  } catch (error) {
    if (error instanceof RangeError) throw error;
    const { offset, message } = aliasProblem(document, error instanceof Error ? error.message : String(error));
    return { value: undefined, problems: [...problems, problem(offset, message)], place };
  }
}

/** An unclosed bracket is reported by every level around it. */
function distinct(problems: Problem[]): Problem[] {
  return [
    ...new Map(problems.map(problem => [`${problem.line}:${problem.column}:${problem.message}`, problem])).values(),
  ];
}

function syntaxMessage(code: string, message: string): string {
  switch (code) {
    case 'TAB_AS_INDENT':
      return tell('config.tab');
    case 'MULTIPLE_DOCS':
      return tell('config.second-document');
    case 'TAG_RESOLVE_FAILED':
      return tell('config.tag');
    case 'BAD_SCALAR_START':
      return tell('config.bad-start', { said: lowerFirst(message) });
    default:
      return tell('config.not-yaml', { kind: code, said: withoutSecrets(lowerFirst(message)) });
  }
}

const lowerFirst = (text: string) => text.charAt(0).toLowerCase() + text.slice(1).replaceAll('\n', ' ');

/** Keys given twice in one map, and keys that are not plain words. In one pass, because the parser's own check is quadratic. */
function keyProblems(document: Document.Parsed): { offset: number; message: string }[] {
  const { isScalar, visit } = library();
  const found: { offset: number; message: string }[] = [];
  visit(document, {
    Map(_, map) {
      const seen = new Set<string>();
      for (const { key } of map.items) {
        const offset = startOf(key) ?? 0;
        if (!isScalar(key)) {
          found.push({ offset, message: tell('config.complex-key') });
          continue;
        }
        const word = String(key.value);
        if (seen.has(word)) {
          found.push({ offset, message: tell('config.twice', { word: show(word) }) });
        }
        seen.add(word);
      }
    },
  });
  return found;
}

function offsetOf(document: Document.Parsed, path: KeyPath, which: 'key' | 'value'): number {
  const { isAlias, isMap, isScalar, isSeq } = library();
  let node: unknown = document.contents;
  let offset = startOf(node) ?? 0;
  for (const [depth, part] of path.entries()) {
    const target: unknown = isAlias(node) ? node.resolve(document) : node;
    if (isSeq(target)) {
      node = target.items[Number(part)];
      offset = startOf(node) ?? offset;
    } else if (isMap(target)) {
      const pair = target.items.find(({ key }) => isScalar(key) && String(key.value) === String(part));
      if (!pair) return offset;
      node = pair.value;
      const last = depth === path.length - 1;
      offset = (last && which === 'key' ? startOf(pair.key) : startOf(node)) ?? startOf(pair.key) ?? offset;
    } else {
      return offset;
    }
  }
  return offset;
}

function startOf(node: unknown): number | undefined {
  return (node as Node | null | undefined)?.range?.[0];
}

/** What makes toJS fail: aliases without an anchor, far too many of them, or ones that cannot be merged. */
function aliasProblem(document: Document.Parsed, said: string): { offset: number; message: string } {
  const { visit } = library();
  const name = /^Unresolved alias .*: (\S+)$/.exec(said)?.[1];
  let offset = 0;
  visit(document, {
    Alias(_, alias) {
      if (name !== undefined && alias.source !== name) return undefined;
      offset = alias.range?.[0] ?? 0;
      return visit.BREAK;
    },
  });
  if (name) {
    return { offset, message: tell('config.no-anchor', { name }) };
  }
  if (said.startsWith('Excessive')) return { offset, message: tell('config.too-many-aliases') };
  return { offset, message: tell('config.not-yaml', { kind: 'BAD_ALIAS', said: lowerFirst(said) }) };
}
