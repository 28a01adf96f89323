import { useRef, useState } from 'preact/hooks';
import { escapeForTerminal } from '../core/escape.ts';
import { extensionOf, VIDEO_EXTENSIONS } from '../core/file-names.ts';
import { isLinkName } from '../core/saving.ts';
import * as api from './api.ts';
import { formatBytes } from './format.ts';
import { problemAndHint, type Reader, useWords } from './language.ts';
import { send } from './sending.ts';

export interface UploadRow {
  key: number;
  name: string;
  /** 0 to 1; 1 means that the server has all of it. */
  progress: number;
  state: 'sending' | 'done' | 'failed';
  /** The connection is lost; it goes on by itself. */
  isWaiting?: boolean;
  /** It is sent from its beginning again. */
  isBegunAgain?: boolean;
  message: string;
  /** Where it is in the inbox, once it is. */
  path?: string;
  cancel?: () => void;
}

export interface Destination {
  inbox: string;
  instruction: string;
}

/** Refused files that are named one by one; of a folder with more, only their number is said. */
const NAMED = 3;

let nextKey = 1;

/** By its name, as the daemon decides. A link is a video somewhere else. */
function isVideo({ name }: File): boolean {
  return VIDEO_EXTENSIONS.has(extensionOf(name)) || isLinkName(name);
}

/** Files on their way, one at a time: two at once would only slow each other down. */
export function useUploads() {
  const reader = useWords();
  const { words } = reader;
  const [rows, setRows] = useState<UploadRow[]>([]);
  const turn = useRef<Promise<void>>(Promise.resolve());
  const change = (key: number, part: Partial<UploadRow>) =>
    setRows(all => all.map(row => (row.key === key ? { ...row, ...part } : row)));
  const put = (row: Omit<UploadRow, 'key' | 'progress'>): number => {
    const key = nextKey++;
    setRows(all => [{ key, progress: 0, ...row }, ...all]);
    return key;
  };

  const upload = async (file: File, { inbox, instruction }: Destination, { key, signal }: Turn): Promise<void> => {
    if (signal.aborted) return;
    try {
      const free = (await api.inboxes()).find(each => each.inbox === inbox)?.free_bytes ?? null;
      if (free !== null && file.size > free) {
        return change(key, { state: 'failed', message: words.upload.tooLarge(formatBytes(free)) });
      }
      const onProgress = (progress: number) => change(key, { progress });
      const onWaiting = (isWaiting: boolean) => change(key, { isWaiting });
      const onBegunAgain = () => change(key, { progress: 0, isBegunAgain: true });
      const telling = { onProgress, onWaiting, onBegunAgain };
      const { path, name } = await send(file, { inbox, words: instruction, signal, ...telling });
      const safe = { name: escapeForTerminal(name), path: escapeForTerminal(path) };
      change(key, { state: 'done', progress: 1, message: words.upload.added, ...safe });
    } catch (error) {
      change(key, { state: 'failed', message: messageFor(error, reader) });
    }
  };

  const add = (files: readonly File[], destination: Destination) => {
    const others = files.filter(file => !isVideo(file));
    if (others.length > NAMED)
      put({ name: words.upload.others(others.length), state: 'failed', message: words.upload.notVideos });
    else
      for (const { name } of others)
        put({ name: escapeForTerminal(name), state: 'failed', message: words.upload.notVideo });
    for (const file of files.filter(isVideo)) {
      const end = new AbortController();
      const key = put({ name: escapeForTerminal(file.name), state: 'sending', message: '' });
      const cancel = () => {
        end.abort();
        change(key, { state: 'failed', message: words.upload.stopped });
      };
      change(key, { cancel });
      turn.current = turn.current.then(() => upload(file, destination, { key, signal: end.signal }));
    }
  };
  return { rows, add, clear: () => setRows([]) };
}

interface Turn {
  key: number;
  signal: AbortSignal;
}

function messageFor(error: unknown, { words, language }: Reader): string {
  if (!(error instanceof api.ApiError) || error.status === 0) return words.upload.lost;
  return error.status === -1 ? words.upload.stopped : problemAndHint(error, language);
}
