import { expect, it } from 'vitest';
import { HINTS_ONCE, withoutPromise } from '../../src/app/hints-once.ts';
import { ShrinkError } from '../../src/core/errors.ts';
import { EN } from '../../src/messages/en/index.ts';
import { say } from '../../src/messages/say.ts';
import { ZH } from '../../src/messages/zh/index.ts';

/** Words that promise work without a person. */
const PROMISES = [
  /by (it|them)sel(f|ves)|(tries|tried|trying) again|continues|will be picked up|shrinkbox resume/,
  /自动|自行|会.{0,9}继续|shrinkbox resume/,
];

/** What compress cannot say, or may. */
const OTHERS: Readonly<Record<string, string>> = {
  'queue.after-stop': 'of a job that outlives its process',
  'queue.renamed': 'of a job whose inbox is watched',
  'queue.unreadable-hint': 'of a job whose inbox is watched',
  'queue.incomplete-hint': 'of a job whose inbox is watched',
  'queue.read-later': 'of a file in an inbox',
  'queue.cancel-undone': 'of a daemon',
  'settings.mounted': 'of a file that is a mount by itself',
  'deliver.archive-read-only-hint': 'of an original in an archive',
  'app.paused': 'of a daemon',
  'inbox.file-empty': 'of a file in an inbox',
  'inbox.file-incomplete': 'of a file in an inbox',
  'queue.tried-again': 'it is being done at that moment',
};

function promising(catalogue: object): string[] {
  const all = Object.entries(catalogue) as [string, string | ((params: never) => string)][];
  return all.filter(([, words]) => PROMISES.some(promise => promise.test(String(words)))).map(([code]) => code);
}

// Was: compress ended, and said that it continues by itself.
it('every message that promises to go on by itself has other words for compress, or never comes up there', () => {
  const codes = [...new Set([...promising(EN), ...promising(ZH)])];
  expect(codes.sort()).toEqual([...Object.keys(HINTS_ONCE), ...Object.keys(OTHERS)].sort());
});

it('what is said instead promises nothing', () => {
  const instead = Object.values(HINTS_ONCE).map(one => (typeof one === 'function' ? one({ url: '' }) : one).code);
  expect([...promising(EN), ...promising(ZH)].filter(code => instead.includes(code))).toEqual([]);
});

it('a hint about an account names no daemon that is not there', () => {
  const hint = say('nemo.register-hint', { url: 'https://nemovideo.com/register' });
  const error = new ShrinkError('out-of-credits', say('nemo.no-credits'), { hint });
  expect(withoutPromise(error).hint).toBe(
    'Register at https://nemovideo.com/register to get more, then run the command again.',
  );
});

it('an error keeps everything but such a hint', () => {
  const error = new ShrinkError('no-space', say('files.missing-folder', { path: '/v' }), {
    hint: say('files.hint-no-space'),
    subject: '/v',
  });
  expect(withoutPromise(error)).toMatchObject({
    ...{ code: 'no-space', message: '/v is missing', subject: '/v', messages: { text: error.messages.text } },
    hint: 'Free some space there, then run the command again.',
  });
  const other = new ShrinkError('io', 'the disk', { hint: 'Look at the cable.' });
  expect(withoutPromise(other)).toBe(other);
});
