import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { LiveConfig } from '../../src/app/live-config.ts';
import { Rulebook } from '../../src/app/rulebook.ts';
import { Settings } from '../../src/app/settings.ts';
import { parseConfig } from '../../src/config/load.ts';
import type { Job } from '../../src/core/job.ts';
import { silentLogger } from '../../src/platform/log.ts';

/** Rules and settings of a file in this folder, as in a daemon that has read it. */
export function settingsIn(dir: string, text: string, jobs: readonly Job[] = []) {
  const path = join(dir, 'config.yaml');
  mkdirSync(join(dir, 'inbox'), { recursive: true });
  writeFileSync(path, text);
  const read = (now: string) => parseConfig(now, { env: {}, cwd: dir, home: dir, source: path });
  const live = new LiveConfig(read(text));
  const configuration = {
    parse: async (now: string) => read(now),
    reload: () => live.reload(read(readFileSync(path, 'utf8'))),
  };
  const ledger = { find: (id: string) => jobs.find(job => job.id === id) };
  const settings = new Settings({ configuration, live, rulebook: new Rulebook(live), ledger, log: silentLogger });
  return { settings, live, path, text: () => readFileSync(path, 'utf8') };
}

export const RULES = `# what the family drops
folders:
  - inbox: ./inbox
    outbox: ./outbox
rules:
  # for chats
  - name: chat
    match: chat/**
    size: 8MB # as the messenger wants
  - name: phone
    match: ['*.mov', 'camera/**']
    min_size: 20MB
    size: 40%
  - name: everything
    size: 50MB
    resolution: 1080p
notify:
  - url: https://ntfy.sh/very-secret-topic
    on: [failed, held]
`;
