import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';

const SRC = join(import.meta.dirname, '../../src');

/** The file each room opens with: its first comment says what the room is for. */
const OPENS_WITH: Readonly<Record<string, string>> = {
  after: 'after.ts',
  api: 'types.ts',
  app: 'daemon.ts',
  commands: 'support/context.ts',
  config: 'schema.ts',
  core: 'job.ts',
  deliver: 'deliver.ts',
  engine: 'engine.ts',
  fleet: 'protocol.ts',
  inbox: 'watcher.ts',
  journal: 'journal.ts',
  library: 'exchange.ts',
  media: 'probe/probe.ts',
  messages: 'say.ts',
  monitor: 'metrics.ts',
  notify: 'notify.ts',
  platform: 'clock.ts',
  queue: 'worker.ts',
  rules: 'decide.ts',
  verify: 'verify.ts',
  web: 'main.tsx',
  worker: 'agent.ts',
};

/** Lines of the first documentation comment, where only imports stand before it. */
function opening(text: string): string[] {
  const [, comment = ''] = /^(?:import [^;]+;\s*)*\/\*\*(.*?)\*\//s.exec(text) ?? [];
  return comment.split('\n').filter(line => /\w/.test(line));
}

it('every room has a file it opens with', () => {
  const rooms = readdirSync(SRC, { withFileTypes: true }).filter(entry => entry.isDirectory());
  expect(rooms.map(({ name }) => name).sort()).toEqual(Object.keys(OPENS_WITH));
});

it.each(Object.entries(OPENS_WITH))('%s/%s says what the room is for', (room, file) => {
  expect(opening(readFileSync(join(SRC, room, file), 'utf8')).length).toBeGreaterThanOrEqual(2);
});

it('a comment that stands further down is no opening', () => {
  expect(opening('import a from "a";\nconst b = 1;\n/**\n * One.\n * Two.\n */')).toEqual([]);
});
