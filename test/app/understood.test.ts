import { expect, it } from 'vitest';
import { Rulebook } from '../../src/app/rulebook.ts';
import { understand } from '../../src/app/understood.ts';
import { parseConfig } from '../../src/config/load.ts';
import { inChinese } from '../../src/messages/zh/index.ts';
import { aJob, aPin } from '../support/builders.ts';

const RULES = [
  { name: 'cloud', match: '*.cloud.mp4', engine: 'nemo' },
  { name: 'small', size: '20MB' },
];
const text = JSON.stringify({ rules: RULES, folders: [{ inbox: '/in', outbox: '/out' }] });
const live = { current: parseConfig(text, { env: {}, cwd: '/srv', home: '/home/me', source: null }) };
const job = aJob({ id: 'abc1', relative: 'clip.mp4', pin: aPin({ sizeBytes: 90_000_000 }) });
const context = {
  live,
  rulebook: new Rulebook(live),
  ledger: { find: (id: string) => (id === 'abc1' ? job : undefined) },
};

it('the answer says what words ask for, in English, in Chinese and as values', () => {
  const understood = understand({ words: 'at most 25 MB, 720p, no sound' }, context);
  expect(understood).toMatchObject({
    understood: true,
    text: 'at most 25 MB, 720p, no sound',
    engine: 'local',
    not_understood: [],
    target: { max_bytes: 25_000_000, share: null, resolution: '720p', audio: 'mute' },
  });
  expect(understood?.message && inChinese(understood.message)).toMatch(/25 MB.*720p.*\p{Script=Han}/u);
});

it('the answer has what the rule adds: 720p alone keeps the 20 MB of the rule', () => {
  expect(understand({ words: '720p', job: 'abc1' }, context)?.text).toBe('at most 20 MB, 720p');
});

it('the answer names what it does not understand, as the job would be held', () => {
  expect(understand({ words: '25 MB and purple' }, context)).toMatchObject({
    understood: false,
    target: null,
    not_understood: [expect.stringContaining('purple')],
    text: expect.stringContaining('purple'),
  });
});

it('the answer says that the cloud gets words as they are', () => {
  const asked = { words: 'make it dance', inbox: '/in', name: 'a.cloud.mp4' };
  expect(understand(asked, context)).toMatchObject({
    understood: false,
    engine: 'nemo',
    message: { code: 'app.words-passed-on' },
  });
});

it.each([{ job: 'zzz' }, { inbox: '/nope' }])('there is no answer about %j', which => {
  expect(understand({ words: '25 MB', ...which }, context)).toBeUndefined();
});
