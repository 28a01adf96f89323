/**
 * Checks across several values. They use the values as written, so that a file with other mistakes still gets all its
 * problems reported at once.
 */
import { type Conflict, findConflicts } from './conflicts.ts';
import { DEFAULT_OUTPUT } from './output-template.ts';
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
  const kinds = isLibrary(folder)
    ? 'is for folders with an inbox; a library has none, so remove this line'
    : 'is for libraries; remove this line';
  const misplaced = other.filter(key => folder[key] !== undefined).map(key => ({ path: at(key), message: kinds }));
  if (isLibrary(folder)) return misplaced;
  const missing = (['inbox', 'outbox'] as const).filter(key => folder[key] === undefined);
  const replaces = folder['originals'] === 'replace';
  return [
    ...missing.map(key => ({ path: at(key), message: `is missing; write one like ./${key}` })),
    ...misplaced,
    ...(replaces
      ? [{ path: at('originals'), message: 'replace is for libraries; write keep, archive or delete' }]
      : []),
  ];
}

/** What would cost somebody the only copy of a film is asked for in so many words. */
function libraryProblems(folder: Written, index: number): Conflict[] {
  if (!isLibrary(folder)) return [];
  const at = (key: string): Conflict['path'] => ['folders', index, key];
  const { originals = 'archive', archive, i_have_a_backup: backup } = folder;
  if (originals === 'replace') {
    if (archive !== undefined)
      return [{ path: at('archive'), message: 'is not used with originals: replace; remove one of the two lines' }];
    if (backup === true) return [];
    const message =
      'replace keeps nothing of the originals, and nobody can take that back: add "i_have_a_backup: true" if that is so, or write archive';
    return [{ path: at('originals'), message }];
  }
  const says = (message: string) => [{ path: at('originals'), message }];
  if (originals === 'keep' || originals === 'delete')
    return says(`${originals} is not for a library, where results take the places of originals; write archive`);
  if (archive === undefined)
    return [
      {
        path: at('library'),
        message: 'needs a folder outside of it for the originals: add a line like "archive: /srv/originals" here',
      },
    ];
  return [];
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
        ? `is done by ${typeof engine === 'string' ? `the engine ${engine.slice(0, 20)}` : 'another engine'}`
        : rule['instruction'] !== undefined
          ? 'has an instruction'
          : (rule['output'] ?? DEFAULT_OUTPUT) !== DEFAULT_OUTPUT
            ? 'names its results'
            : undefined;
    if (why === undefined) return [];
    const message = `its rule "${ruleName(rule, i)}" ${why}, and a library is done on this machine, whole films under their own names: give it other rules with a line like "rules: [NAME]" here`;
    return [{ path: ['folders', index, listed === undefined ? 'library' : 'rules'], message }];
  });
}

function archiveProblems(folder: Written, index: number): Conflict[] {
  if (isLibrary(folder) || folder['originals'] !== 'archive' || folder['archive'] !== undefined) return [];
  const message = 'archive needs a folder to move originals to: add a line like "archive: ./archive" here';
  return [{ path: ['folders', index, 'originals'], message }];
}

/** Half a certificate is none; and an engine that nobody set up would hold every file. */
function fleetProblems(root: Written): Conflict[] {
  const fleet = asMap(root['fleet']);
  const missing = (['tls_cert', 'tls_key'] as const).filter(key => fleet[key] === undefined);
  const [lacks] = missing;
  const half: Conflict[] =
    missing.length === 1 && lacks
      ? [{ path: ['fleet'], message: `has only one of tls_cert and tls_key; add ${lacks}, or remove the other` }]
      : [];
  if (root['fleet'] !== undefined && root['fleet'] !== null) return half;
  const message =
    'fleet needs a queue and an address for its workers: add a section like "fleet: {queue: rediss://nas:6380}"';
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
