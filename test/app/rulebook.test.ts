import { expect, it } from 'vitest';
import { Rulebook } from '../../src/app/rulebook.ts';
import { type Config, parseConfig } from '../../src/config/load.ts';
import { aJob, aPin } from '../support/builders.ts';

function configOf(rules: object[], inbox = '/in'): Config {
  const text = JSON.stringify({ rules, folders: [{ inbox, outbox: '/out' }] });
  return parseConfig(text, { env: {}, cwd: '/srv', home: '/home/me', source: null });
}

const SIGHTING = { inbox: '/in', path: '/in/clip.mp4', relative: 'clip.mp4', pin: aPin() };

it('decides by the configuration as it is now', () => {
  const live = { current: configOf([{ name: 'old', size: '20MB' }]) };
  const rulebook = new Rulebook(live);
  expect(rulebook.decide(SIGHTING, 1)).toMatchObject({ kind: 'do', rule: 'old' });
  live.current = configOf([{ name: 'new', size: '10MB' }]);
  expect(rulebook.decide(SIGHTING, 1)).toMatchObject({ kind: 'do', rule: 'new' });
  expect(rulebook.decideAgain(aJob())).toMatchObject({ kind: 'do', rule: 'new' });
});

it('takes a request in place of the words beside the file, and says so', () => {
  const rulebook = new Rulebook({ current: configOf([{ name: 'all' }]) });
  const decision = rulebook.decide(SIGHTING, 1, '720p');
  expect(decision).toMatchObject({ target: { resolution: { kind: 'lines', lines: 720 } }, instruction: '720p' });
  expect(decision.kind === 'do' && decision.why).toContain('your request says "720p"');
});

it('lets another engine replace the rule’s own, without a further fallback', () => {
  const rulebook = new Rulebook({ current: configOf([{ name: 'all', engine: 'nemo', fallback: 'local' }]) });
  expect(rulebook.decideAgain(aJob())).toMatchObject({ engine: 'nemo', fallback: 'local' });
  expect(rulebook.decideAgain(aJob(), 'local')).toMatchObject({ engine: 'local', fallback: 'none' });
});

it('holds a job whose folder is no longer configured', () => {
  const rulebook = new Rulebook({ current: configOf([{ name: 'all' }], '/elsewhere') });
  expect(rulebook.decideAgain(aJob())).toEqual({
    kind: 'hold',
    rule: aJob().decision.rule,
    engine: 'local',
    reason: '/in is no longer a folder of the configuration',
    hint: 'Put the folder back into the configuration and retry the job, or cancel it.',
    messages: {
      reason: { code: 'app.folder-removed', params: { inbox: '/in' } },
      hint: { code: 'app.folder-removed-hint', params: undefined },
    },
  });
});
