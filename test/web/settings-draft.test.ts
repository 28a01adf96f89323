import { expect, it } from 'vitest';
import type { ConfigView } from '../../src/api/types.ts';
import {
  draftOf,
  editOf,
  moved,
  problemsAt,
  withNewRule,
  withOutcome,
  withoutRule,
  withRuleIn,
  withValue,
} from '../../src/web/settings/draft.ts';

const folder = { outbox: '/o', originals: 'keep', archive: null, archive_days: null } as const;
const view: ConfigView = {
  file: '/c.yaml',
  version: 'v1',
  editable: true,
  why_not: null,
  messages: {},
  problems: [],
  rules: [
    {
      name: 'mail',
      values: { name: 'mail', match: ['*.mov', 'a/**'], fps: 30, skip: false },
      engine: null,
      fallback: null,
    },
    { name: 'rule-2', values: { size: '50MB' }, engine: 'nemo', fallback: null },
  ],
  folders: [
    { inbox: '/i', ...folder, rules: null },
    { inbox: '/j', ...folder, rules: ['mail'] },
  ],
  hours: null,
  time_zone: 'UTC',
  notify: [{ to: 'https://ntfy.sh/...', on: ['held'] }],
};

it('nothing is changed by looking', () => {
  expect(editOf(view, draftOf(view))).toBeUndefined();
  const there = withValue(draftOf(view), 0, 'fps', '31');
  expect(editOf(view, withValue(there, 0, 'fps', '30'))).toBeUndefined();
});

it('a value is sent as the file would have it, and the others as they were', () => {
  const text = [
    ['match', '*.mp4\n'],
    ['fps', '29.97'],
    ['size', ' 25% '],
    ['skip', 'true'],
  ] as const;
  const draft = text.reduce((all, [key, value]) => withValue(all, 0, key, value), draftOf(view));
  expect(editOf(view, draft)).toEqual({
    version: 'v1',
    rules: [
      { was: 0, values: { name: 'mail', match: '*.mp4', fps: 29.97, skip: true, size: '25%' } },
      { was: 1, values: { size: '50MB' } },
    ],
  });
});

it('a rule that is renamed, added, moved or removed stays right in the folders that name it', () => {
  expect(withValue(draftOf(view), 0, 'name', 'post').folders).toEqual([null, ['post']]);
  const added = withNewRule(draftOf(view), 'mail');
  expect([added.rules[0]?.values.name, added.folders]).toEqual(['mail 2', [null, ['mail 2', 'mail']]]);
  expect(withoutRule(draftOf(view), 0).folders).toEqual([null, []]);
  expect(moved(draftOf(view), 0, 1).rules.map(({ was }) => was)).toEqual([1, 0]);
});

it('a folder takes rules in the order of the list, and all of them are no list', () => {
  const none = withRuleIn(draftOf(view), 0, 'mail', false);
  expect(none.folders[0]).toEqual(['rule-2']);
  expect(withRuleIn(none, 0, 'mail', true).folders[0]).toBeNull();
});

it('hours and notifications', () => {
  const draft = withOutcome({ ...draftOf(view), hours: '22:00-07:00 ' }, 0, 'done', true);
  expect(editOf(view, draft)).toEqual({ version: 'v1', hours: '22:00-07:00', notify: [['held', 'done']] });
});

it('mistakes stand at their value, also those in a list', () => {
  const problem = (path: string) => ({ line: 1, column: 1, path, message: path, messages: {} });
  const all = ['rules[1].match[0]', 'rules[1].match', 'rules[10].match', 'rules[1].size'].map(problem);
  expect(problemsAt(all, 'rules[1].match', 'en')).toEqual(['rules[1].match[0]', 'rules[1].match']);
});
