import type { Config } from '../config/load.ts';
import { VIDEO_EXTENSIONS } from '../core/file-names.ts';
import { NEMO_FORMATS } from '../engine/engine.ts';
import { Watcher, type WatchFolder } from '../inbox/watcher.ts';
import type { Clock } from '../platform/clock.ts';
import type { Logger } from '../platform/log.ts';
import type { LiveConfig } from './live-config.ts';
import type { Queue, QueueEvents } from './queue.ts';

export interface InboxOptions {
  live: LiveConfig;
  queue: Queue;
  events: QueueEvents;
  clock: Clock;
  log: Logger;
  once: boolean;
}

/** Watches the inboxes of the configuration; complete files go to the queue. */
export function openInbox({ live, queue: { admissions }, events, clock, log, once }: InboxOptions): Watcher {
  const watcher = new Watcher({
    folders: watchFoldersOf(live.current),
    clock,
    log,
    hasJobFor: ({ inbox, relative, pin, sidecar }) => admissions.isKnown(inbox, relative, pin, sidecar),
    onSighting: sighting => admissions.offer(sighting),
    // In a one-shot run nobody waits for the rest of a file, so it is judged as it is now.
    incompleteAfterMs: once ? 1 : undefined,
  });
  events.on('resight', job => watcher.forget(job.inbox, job.relative));
  live.onChange(config => watcher.setFolders(watchFoldersOf(config)));
  return watcher;
}

function watchFoldersOf(config: Config): WatchFolder[] {
  return config.folders.map(({ inbox, settle, scan, rules }) => {
    const own = config.rules.filter(({ name }) => rules.includes(name));
    const isForCloud = own.some(rule => (rule.engine ?? config.engine) === 'nemo');
    return { inbox, settleMs: settle, scan, extensions: extensionsFor(isForCloud), stills: isForCloud };
  });
}

/** What some rule could take, whatever it then decides. Links are always reported, so that people read what they are for. */
function extensionsFor(isForCloud: boolean): string[] {
  return [...VIDEO_EXTENSIONS, ...LINK_EXTENSIONS, ...(isForCloud ? NEMO_FORMATS : [])];
}

const LINK_EXTENSIONS = ['url', 'webloc'];
