/**
 * Checks across several values. They use the values as written, so that a file with other mistakes still gets all its
 * problems reported at once.
 */
import { type Conflict, findConflicts } from './conflicts.ts';
import { DEFAULT_OUTPUT } from './output-template.ts';
import { say } from '../messages/say.ts';
import type { KeyPath } from './problems.ts';
import type { ResolvePath } from './resolve-path.ts';
import { tell } from './told.ts';
import { closest } from './unknown-keys.ts';

export function crossCheck(written: unknown, resolve: ResolvePath): Conflict[] {
  const root = asMap(written);
  const folders = asList(root['folders']).map(asMap);
  const rules = asList(root['rules']).map(asMap);
  return [
    ...folderConflicts(root, folders, resolve),
    ...folders.flatMap(archiveProblems),
    ...folders.flatMap((folder, i) => kindProblems(folder, i)),
    ...folders.flatMap((folder, i) => libraryProblems(folder, i)),
    ...folders.flatMap((folder, i) => libraryRuleProblems(folder, i, root)),
    ...ruleNameProblems(rules),
    ...folders.flatMap((folder, i) => unknownRules(folder, i, rules)),
    ...fleetProblems(root),
  ];
}

/** The name of a rule that has none of its own. */
export function defaultRuleName(index: number): string {
  return `rule-${index + 1}`;
}

function folderConflicts(root: Written, folders: Written[], resolve: ResolvePath): Conflict[] {
  const pathOf = (value: unknown) => (typeof value === 'string' && value.trim() ? resolve(value.trim()) : undefined);
  return findConflicts({
    stateDir: pathOf(root['state_dir'] ?? './state'),
    folders: (root['folders'] === undefined ? [{ inbox: './inbox', outbox: './outbox' } as Written] : folders).map(
      folder => ({
        inbox: pathOf(folder['inbox']),
        outbox: pathOf(folder['outbox']),
        archive: pathOf(folder['archive']),
        library: pathOf(folder['library']),
      }),
    ),
  });
}

function isLibrary(folder: Written): boolean {
  return folder['library'] !== undefined;
}

/** Keys of the two kinds of folders, where the other kind has no use for them. */
const OF_INBOX = ['inbox', 'outbox', 'settle', 'scan', 'reports'];
const OF_LIBRARY = ['min_age', 'i_have_a_backup'];

function kindProblems(folder: Written, index: number): Conflict[] {
  const at = (key: string): Conflict['path'] => ['folders', index, key];
  const other = isLibrary(folder) ? OF_INBOX : OF_LIBRARY;
  const kinds = tell(isLibrary(folder) ? 'config.for-inboxes' : 'config.for-libraries');
  const misplaced = other.filter(key => folder[key] !== undefined).map(key => ({ path: at(key), message: kinds }));
  if (isLibrary(folder)) return misplaced;
  const missing = (['inbox', 'outbox'] as const).filter(key => folder[key] === undefined);
  const replaces = folder['originals'] === 'replace';
  return [
    ...missing.map(key => ({
      path: at(key),
      message: tell('config.missing', { write: say('config.one-like', { example: `./${key}` }) }),
    })),
    ...misplaced,
    ...(replaces ? [{ path: at('originals'), message: tell('config.replace-here') }] : []),
  ];
}

/** What would cost somebody the only copy of a film is asked for in so many words. */
function libraryProblems(folder: Written, index: number): Conflict[] {
  if (!isLibrary(folder)) return [];
  const at = (key: string): Conflict['path'] => ['folders', index, key];
  const { originals = 'archive', archive, i_have_a_backup: backup } = folder;
  if (originals === 'replace') {
    if (archive !== undefined) return [{ path: at('archive'), message: tell('config.archive-unused') }];
    if (backup === true) return [];
    return [{ path: at('originals'), message: tell('config.replace-backup') }];
  }
  if (originals === 'keep' || originals === 'delete')
    return [{ path: at('originals'), message: tell('config.not-for-library', { word: originals }) }];
  return archive === undefined ? [{ path: at('library'), message: tell('config.library-archive') }] : [];
}

/** What works on a whole library unattended stays on this machine, and makes nothing but smaller files of whole films. */
function libraryRuleProblems(folder: Written, index: number, root: Written): Conflict[] {
  if (!isLibrary(folder)) return [];
  const rules = asList(root['rules']).map(asMap);
  const listed = folder['rules'];
  const names = listed === undefined ? rules.map(ruleName) : Array.isArray(listed) ? listed : [listed];
  return rules.flatMap((rule, i) => {
    if (!names.includes(ruleName(rule, i)) || rule['skip'] === true) return [];
    const engine = rule['engine'] ?? root['engine'] ?? 'local';
    const why =
      engine !== 'local'
        ? typeof engine === 'string'
          ? say('config.by-engine', { engine: engine.slice(0, 20) })
          : say('config.by-another')
        : rule['instruction'] !== undefined
          ? say('config.has-instruction')
          : (rule['output'] ?? DEFAULT_OUTPUT) !== DEFAULT_OUTPUT
            ? say('config.names-results')
            : undefined;
    if (why === undefined) return [];
    const message = tell('config.library-rule', { name: ruleName(rule, i), why });
    return [{ path: ['folders', index, listed === undefined ? 'library' : 'rules'], message }];
  });
}

function archiveProblems(folder: Written, index: number): Conflict[] {
  if (isLibrary(folder) || folder['originals'] !== 'archive' || folder['archive'] !== undefined) return [];
  return [{ path: ['folders', index, 'originals'], message: tell('config.needs-archive') }];
}

/** Half a certificate is none; and an engine that nobody set up would hold every file. */
function fleetProblems(root: Written): Conflict[] {
  const fleet = asMap(root['fleet']);
  const missing = (['tls_cert', 'tls_key'] as const).filter(key => fleet[key] === undefined);
  const [lacks] = missing;
  const half: Conflict[] =
    missing.length === 1 && lacks ? [{ path: ['fleet'], message: tell('config.half-certificate', { lacks }) }] : [];
  if (root['fleet'] !== undefined && root['fleet'] !== null) return half;
  const message = tell('config.no-fleet');
  const uses: [KeyPath, unknown][] = [
    [['engine'], root['engine']],
    ...asList(root['rules']).map((rule, i): [KeyPath, unknown] => [['rules', i, 'engine'], asMap(rule)['engine']]),
  ];
  return [...half, ...uses.flatMap(([path, engine]) => (engine === 'fleet' ? [{ path, message }] : []))];
}

function ruleNameProblems(rules: Written[]): Conflict[] {
  const first = new Map<string, number>();
  return rules.flatMap((rule, index) => {
    const name = ruleName(rule, index);
    const before = first.get(name);
    if (before === undefined) first.set(name, index);
    if (before === undefined) return [];
    return [
      {
        path: ['rules', index, 'name'],
        message: tell('config.rule-name-taken', { name, rule: before }),
      },
    ];
  });
}

function unknownRules(folder: Written, index: number, rules: Written[]): Conflict[] {
  const known = rules.length > 0 ? rules.map(ruleName) : ['default'];
  const listed = folder['rules'];
  const names = Array.isArray(listed) ? listed : [listed];
  return names.flatMap((name: unknown, i) => {
    if (typeof name !== 'string' || known.includes(name.trim())) return [];
    const path = ['folders', index, 'rules', ...(Array.isArray(listed) ? [i] : [])];
    const shown = name.slice(0, 60);
    const near = closest(name, known);
    const rules = known.map(each => `"${each}"`).join(', ');
    const message =
      near === undefined
        ? tell('config.no-such-rule', { name: shown, rules })
        : tell('config.no-such-rule-but', { name: shown, near });
    return [{ path, message }];
  });
}

function ruleName(rule: Written, index: number): string {
  return typeof rule['name'] === 'string' ? rule['name'].trim() : defaultRuleName(index);
}

type Written = Readonly<Record<string, unknown>>;

function asMap(value: unknown): Written {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Written) : {};
}

function asList(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}
