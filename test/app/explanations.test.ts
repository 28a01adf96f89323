import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Explanation } from '../../src/api/types.ts';
import { Explanations } from '../../src/app/explanations.ts';
import { type Deferred, deferred } from '../../src/platform/async.ts';
import { pinOf } from '../../src/platform/files/files.ts';
import { eventually } from '../support/eventually.ts';

let dir: string;
let started: { path: string; signal: AbortSignal; answer: Deferred<Explanation> }[];
let explanations: Explanations;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'shrinkbox-explain-'));
  started = [];
  explanations = new Explanations({
    identify: ({ path }) => pinOf(path),
    explain({ path }, signal) {
      const answer = deferred<Explanation>();
      started.push({ path, signal, answer });
      signal.addEventListener('abort', () => answer.reject(signal.reason));
      return answer.promise;
    },
  });
});

afterEach(() => rmSync(dir, { recursive: true }));

function file(name: string, content = 'x'): string {
  writeFileSync(join(dir, name), content);
  return join(dir, name);
}

const answerOf = (path: string) => ({ path }) as Explanation;
const startedToBe = (count: number) => eventually(() => started.length === count, { what: `${count} to be started` });

it('explains two files at a time', async () => {
  const asked = ['a', 'b', 'c'].map(name => explanations.explain(file(name)));
  await startedToBe(2);
  started[0]?.answer.resolve(answerOf('first'));
  await startedToBe(3);
  for (const { answer } of started) answer.resolve(answerOf('later'));
  expect((await Promise.all(asked)).map(({ path }) => path)).toEqual(['first', 'later', 'later']);
});

it('explains a file once for all who ask meanwhile, and again after a change', async () => {
  const path = file('a');
  const asked = [explanations.explain(path), explanations.explain(path)];
  await startedToBe(1);
  file('a', 'changed');
  asked.push(explanations.explain(path));
  await startedToBe(2);
  for (const { answer } of started) answer.resolve(answerOf('said'));
  expect(await Promise.all(asked)).toHaveLength(3);
  asked.push(explanations.explain(path));
  await startedToBe(3);
});

it('does not share what the command line may see with the page', async () => {
  const path = file('a');
  const asked = [explanations.explain(path), explanations.explain(path, { onPage: true })];
  await startedToBe(2);
  for (const { answer } of started) answer.resolve(answerOf('said'));
  expect(await Promise.all(asked)).toHaveLength(2);
});

it('ends an explanation when the last one who asked has left, not before', async () => {
  const path = file('a');
  const [first, second] = [new AbortController(), new AbortController()];
  const asked = [first, second].map(({ signal }) => explanations.explain(path, { signal }));
  await startedToBe(1);
  first.abort(new Error('hung up'));
  await expect(asked[0]).rejects.toThrow('hung up');
  expect(started[0]?.signal.aborted).toBe(false);
  second.abort(new Error('hung up too'));
  await expect(asked[1]).rejects.toThrow('hung up too');
  expect(started[0]?.signal.aborted).toBe(true);
});

it('forgets one that waits for its turn when nobody waits for it', async () => {
  const leaving = new AbortController();
  void explanations.explain(file('a'));
  void explanations.explain(file('b'));
  await startedToBe(2);
  const waiting = explanations.explain(file('c'), { signal: leaving.signal });
  leaving.abort(new Error('hung up'));
  await expect(waiting).rejects.toThrow('hung up');
  for (const { answer } of started) answer.resolve(answerOf('said'));
  void explanations.explain(file('d'));
  await startedToBe(3);
  expect(started[2]?.path).toBe(join(dir, 'd'));
});

it('refuses more than it can keep, and takes them again afterwards', async () => {
  const asked = Array.from({ length: 40 }, (_, i) => explanations.explain(file(`clip${i}`)));
  const refused = await Promise.allSettled(asked.slice(16));
  expect(refused.every(each => each.status === 'rejected' && each.reason.code === 'unavailable')).toBe(true);
  for (let i = 0; i < 16; i += 1) {
    await eventually(() => started.length > i, { what: 'the next one' });
    started[i]?.answer.resolve(answerOf('said'));
  }
  expect(await Promise.all(asked.slice(0, 16))).toHaveLength(16);
  void explanations.explain(file('again'));
  await startedToBe(17);
});
