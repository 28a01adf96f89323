/** Files that are replaced, cut, renamed or deleted, in every stage of their job. */
import { execFileSync } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { Box, type BoxOptions } from '../../../support/box.ts';
import { eventually } from '../../../support/eventually.ts';
import { footage } from '../../../support/footage.ts';
import { NemoServer } from '../../../support/nemo-server/server.ts';
import { demand, inBox, mustPlay, Originals, onlyResult, seconds } from '../arena.ts';
import { labelled } from '../peers/load.ts';
import type { Case } from '../suite.ts';
import { COPYING } from './common.ts';

/** A stage a job is in when its file changes: how it is brought there, and let go on afterwards. */
interface Moment {
  name: string;
  options: BoxOptions;
  bring(box: Box, names: readonly string[]): Promise<void>;
  goOn(box: Box): Promise<void>;
}

const QUEUED: Moment = {
  name: 'queued',
  options: COPYING,
  bring: async (box, names) => {
    for (const name of names) await box.job(name, 'queued');
  },
  goOn: box => box.post('/api/resume'),
};

const ENCODING: Moment = {
  name: 'encoding',
  options: {
    config: {
      ...COPYING.config,
      rules: [{ name: 'small', size: '200kB' }],
      limits: { local: 4 },
      local: { effort: 'best', threads: 1 },
    },
  },
  bring: async (box, names) => {
    await box.post('/api/resume');
    for (const name of names) await box.job(name, 'running', 'verifying', 'delivering', 'done');
  },
  goOn: async () => {},
};

const DELIVERING: Moment = {
  name: 'delivering',
  options: COPYING,
  bring: async (box, names) => {
    // Results are finished, and cannot be put down: the outbox is away.
    renameSync(box.outbox, `${box.outbox}.away`);
    await box.post('/api/resume');
    for (const name of names) await box.job(name, 'waiting');
  },
  goOn: async box => {
    renameSync(`${box.outbox}.away`, box.outbox);
    for (const job of await box.jobs()) if (job.state === 'waiting') await box.run('retry', job.id);
  },
};

const CHANGES = ['replaced', 'truncated', 'renamed', 'deleted'] as const;

/** Does all four to four files at once, and holds what becomes of them against what a person would expect. */
async function changesIn(box: Box, moment: Moment): Promise<string> {
  const plain = readFileSync(await footage('plain'));
  const rotated = readFileSync(await footage('vfr'));
  const lasts = { plain: seconds(await footage('plain')), next: seconds(await footage('vfr')) };
  const originals = new Originals();
  await box.post('/api/pause');
  for (const name of CHANGES) {
    writeFileSync(join(box.dir, 'next'), labelled(plain, name));
    box.drop(join(box.dir, 'next'), `${name}.mp4`);
  }
  await moment.bring(
    box,
    CHANGES.map(name => `${name}.mp4`),
  );
  const at = (name: string) => join(box.inbox, name);
  writeFileSync(join(box.dir, 'next'), rotated);
  renameSync(join(box.dir, 'next'), at('replaced.mp4'));
  truncateSync(at('truncated.mp4'), 500_000);
  renameSync(at('renamed.mp4'), at('another name.mp4'));
  rmSync(at('deleted.mp4'));
  for (const name of ['replaced.mp4', 'truncated.mp4', 'another name.mp4']) originals.remember(at(name));
  await moment.goOn(box);

  const replaced = await eventually(
    async () => {
      const job = (await box.jobs()).find(one => one.source === at('replaced.mp4'));
      return job?.state === 'done' && job.source_bytes === rotated.length ? job : undefined;
    },
    { what: 'the new film to be done', withinMs: box.patienceMs },
  );
  await mustPlay(replaced.output ?? '', lasts.next);
  const truncated = await box.job('truncated.mp4', 'failed', 'held', 'done');
  // Read to its end before it was cut, it may be done: then it is whole.
  if (truncated.state === 'done') await mustPlay(truncated.output ?? '', lasts.plain);
  const renamed = await eventually(
    async () => {
      const jobs = await box.jobs();
      return jobs.find(({ state, output }) => state === 'done' && /renamed|another name/.test(output ?? ''));
    },
    { what: 'the renamed film to be done', withinMs: box.patienceMs },
  );
  await mustPlay(renamed.output ?? '', lasts.plain);
  const deleted = await box.job('deleted.mp4', 'cancelled', 'failed', 'done');
  if (deleted.state === 'done') await mustPlay(deleted.output ?? '', lasts.plain);
  else demand(deleted.reason !== null, 'the deleted film ended without a reason');
  // Nothing half-true: every film in the outbox plays, and there are no more than one of each.
  const outputs = await eventually(
    () => {
      const all = box.outputs();
      return all.every(name => !name.startsWith('.')) && all;
    },
    { what: 'nothing hidden in the outbox' },
  );
  const films = outputs.filter(name => name.endsWith('.mp4'));
  for (const film of films) await mustPlay(join(box.outbox, film));
  const stems = films.map(name => name.replace(/( \(\d+\))?\.mp4$/, '').replace('another name', 'renamed'));
  // The first of the two may have been delivered before it was replaced: then both are.
  const apart = moment.name === 'encoding' ? stems.filter(stem => stem !== 'replaced') : stems;
  demand(new Set(apart).size === apart.length, `more than one result of a film: ${films.join(', ')}`);
  demand(stems.length - apart.length <= 2, `more results than films: ${films.join(', ')}`);
  originals.mustBeUntouched();
  return `replaced: the new film; truncated: ${truncated.state}; renamed: ${films.find(name => /renamed|another/.test(name))}; deleted: ${deleted.state}`;
}

const changesWhile = (moment: Moment): Case => ({
  name: `replaced, truncated, renamed, deleted while ${moment.name}`,
  keeps: 'watch 31-33; promises 1, 3',
  run: () =>
    inBox(moment.options, async box => {
      await box.start();
      return changesIn(box, moment);
    }),
});

const whileUploading: Case = {
  name: 'replaced, truncated, renamed, deleted while uploading',
  keeps: 'watch 32, 33; promises 1-3',
  run: async () => {
    const server = new NemoServer({ render: 'ffmpeg', slowUploadsMs: 60 });
    await server.start();
    const nemo = { api_url: server.url, poll_interval: '200ms', retry_after: '200ms' };
    const options: BoxOptions = {
      config: {
        ...COPYING.config,
        engine: 'nemo',
        nemo,
        limits: { uploads: 4 },
        rules: [{ name: 'cloud', size: '50MB', instruction: 'compress this video to under 50MB' }],
      },
    };
    const moment: Moment = {
      name: 'uploading',
      options,
      bring: async (box, names) => {
        await box.post('/api/resume');
        await eventually(() => server.count('POST', /upload/) >= names.length, {
          what: 'all uploads to be under way',
          withinMs: 120_000,
        });
      },
      goOn: async () => {},
    };
    try {
      return await inBox(options, async box => {
        await box.start();
        const said = await changesIn(box, moment);
        const texts = server.messages.length;
        demand(texts <= 5, `${texts} messages for five versions of four films`);
        return `${said}; ${texts} messages`;
      });
    } finally {
      await server.stop();
    }
  },
};

const renamedFolders: Case = {
  name: 'folders renamed with work in them',
  keeps: 'watch 4, 9; promise 4',
  run: () =>
    inBox(COPYING, async box => {
      await box.start();
      await box.post('/api/pause');
      const plain = readFileSync(await footage('plain'));
      const originals = new Originals();
      for (const n of [1, 2, 3]) {
        writeFileSync(join(box.dir, 'next'), labelled(plain, `folder ${n}`));
        box.drop(join(box.dir, 'next'), `holiday/day ${n}/film.mp4`);
      }
      for (const n of [1, 2, 3]) await box.job(`holiday/day ${n}/film.mp4`, 'queued');
      renameSync(join(box.inbox, 'holiday'), join(box.inbox, 'summer'));
      // One of them leaves the inbox and comes back under another parent.
      renameSync(join(box.inbox, 'summer/day 3'), join(box.dir, 'elsewhere'));
      await box.post('/api/resume');
      mkdirSync(join(box.inbox, 'later'));
      renameSync(join(box.dir, 'elsewhere'), join(box.inbox, 'later/day 3'));
      const where = ['summer/day 1/film.mp4', 'summer/day 2/film.mp4', 'later/day 3/film.mp4'];
      for (const path of where) originals.remember(join(box.inbox, path));
      const lasts = seconds(await footage('plain'));
      for (const path of where) {
        const job = await box.job(path, 'done');
        await mustPlay(job.output ?? '', lasts);
      }
      const films = box.outputs().filter(name => name.endsWith('.mp4'));
      demand(films.length === 3, `${films.length} results of 3 films: ${films.join(', ')}`);
      originals.mustBeUntouched();
      return `3 films followed, 3 results: ${films.join(', ')}`;
    }),
};

const twins: Case = {
  name: 'the same content under two names, and the same name again with other content',
  keeps: 'watch 37; promise 3',
  run: () =>
    inBox(COPYING, async box => {
      await box.start();
      const plain = await footage('plain');
      box.drop(plain, 'one.mp4');
      copyFileSync(plain, join(box.inbox, 'two.mp4'));
      await onlyResult(box, 'one.mp4', 'one.mp4', seconds(plain));
      await onlyResult(box, 'two.mp4', 'two.mp4', seconds(plain));
      const other = await footage('vfr');
      execFileSync('cp', [other, join(box.inbox, 'one.mp4')]);
      const job = await eventually(
        async () =>
          (await box.jobs()).find(one => one.output === join(box.outbox, 'one (2).mp4') && one.state === 'done'),
        { what: 'the other film', withinMs: box.patienceMs },
      );
      await mustPlay(job.output ?? '', seconds(other));
      demand(existsSync(join(box.outbox, 'one.mp4')), 'the first result is gone');
      await mustPlay(join(box.outbox, 'one.mp4'), seconds(plain));
      return 'both delivered; the later film beside the first, which stays';
    }),
};

export const changing: readonly Case[] = [
  ...[QUEUED, ENCODING, DELIVERING].map(changesWhile),
  whileUploading,
  renamedFolders,
  twins,
];
