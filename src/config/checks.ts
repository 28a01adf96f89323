/**
 * Checks across several values. They use the values as written, so that a file with other mistakes still gets all its
 * problems reported at once.
 */
import { type Conflict, findConflicts } from './conflicts.ts';
import type { ResolvePath } from './resolve-path.ts';
import { didYouMean } from './unknown-keys.ts';

export function crossCheck(written: unknown, resolve: ResolvePath): Conflict[] {
  const root = asMap(written);
  const folders = asList(root['folders']).map(asMap);
  const rules = asList(root['rules']).map(asMap);
  return [
    ...folderConflicts(root, folders, resolve),
    ...folders.flatMap(archiveProblems),
    ...ruleNameProblems(rules),
    ...folders.flatMap((folder, i) => unknownRules(folder, i, rules)),
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
      }),
    ),
  });
}

function archiveProblems(folder: Written, index: number): Conflict[] {
  if (folder['originals'] !== 'archive' || folder['archive'] !== undefined) return [];
  const message = 'archive needs a folder to move originals to: add a line like "archive: ./archive" here';
  return [{ path: ['folders', index, 'originals'], message }];
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
        message: `"${name}" is already the name of rules[${before}]; give each rule a name of its own`,
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
    const hint = didYouMean(name, known) || `; the rules are ${known.map(each => `"${each}"`).join(', ')}`;
    return [{ path, message: `there is no rule "${name.slice(0, 60)}"${hint}` }];
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
