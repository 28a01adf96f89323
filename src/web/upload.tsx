import { useEffect, useRef, useState } from 'preact/hooks';
import type { StatusView } from '../api/types.ts';
import { escapeForTerminal } from '../core/escape.ts';
import * as api from './api.ts';
import { formatBytes, formatPercent, nameOf } from './format.ts';
import { problemAndHint, type Reader, useWords } from './language.ts';

interface UploadRow {
  key: number;
  name: string;
  /** 0 to 1; 1 means that the server has all of it. */
  progress: number;
  state: 'sending' | 'done' | 'failed';
  message: string;
  cancel?: () => void;
}

let nextKey = 1;

/** Takes files, chosen or dropped anywhere on the page, and uploads them to an inbox one after another. */
export function Upload({ status }: { status: StatusView }) {
  const { words } = useWords();
  const inboxes = status.folders.filter(folder => folder.available).map(folder => folder.inbox);
  const [chosen, setChosen] = useState('');
  const [instruction, setInstruction] = useState('');
  const inbox = inboxes.includes(chosen) ? chosen : (inboxes[0] ?? '');
  const { rows, add, clear } = useUploads();
  const put = (files: readonly File[]) => {
    if (files.length === 0 || inbox === '') return;
    add(files, { inbox, instruction: instruction.trim() });
    setInstruction('');
  };
  const isOver = useDropTarget(put);
  return (
    <section class="upload card" aria-labelledby="upload-title">
      <h2 id="upload-title">{words.upload.title}</h2>
      {inboxes.length === 0 ? (
        <p class="quiet">{words.upload.away}</p>
      ) : (
        <>
          <p class="quiet lead">{words.upload.lead}</p>
          <FileButton onFiles={put} />
          <label for="instruction">{words.upload.instruction}</label>
          <input
            id="instruction"
            type="text"
            maxLength={1000}
            autoComplete="off"
            placeholder={words.upload.example}
            value={instruction}
            onInput={event => setInstruction(event.currentTarget.value)}
          />
          {inboxes.length > 1 && <InboxChoice inboxes={inboxes} inbox={inbox} onChoose={setChosen} />}
        </>
      )}
      <UploadList rows={rows} onClear={clear} />
      {isOver && inbox !== '' && (
        <div class="drop-here" aria-hidden="true">
          <p>{words.upload.here}</p>
        </div>
      )}
    </section>
  );
}

function FileButton({ onFiles }: { onFiles(files: readonly File[]): void }) {
  const { words } = useWords();
  const input = useRef<HTMLInputElement>(null);
  return (
    <>
      <button type="button" class="main wide" onClick={() => input.current?.click()}>
        {words.upload.choose}
      </button>
      <input
        ref={input}
        hidden
        type="file"
        multiple
        onChange={event => {
          onFiles([...(event.currentTarget.files ?? [])]);
          event.currentTarget.value = '';
        }}
      />
    </>
  );
}

function InboxChoice({
  inboxes,
  inbox,
  onChoose,
}: {
  inboxes: readonly string[];
  inbox: string;
  onChoose(inbox: string): void;
}) {
  const { words } = useWords();
  return (
    <>
      <label for="into">{words.upload.inbox}</label>
      <select id="into" value={inbox} onChange={event => onChoose(event.currentTarget.value)}>
        {inboxes.map(path => (
          <option key={path} value={path}>
            {escapeForTerminal(shownAmong(path, inboxes))}
          </option>
        ))}
      </select>
    </>
  );
}

function UploadList({ rows, onClear }: { rows: readonly UploadRow[]; onClear(): void }) {
  const { words, language } = useWords();
  if (rows.length === 0) return null;
  return (
    <>
      <ul class="uploads" aria-live="polite">
        {rows.map(row => (
          <li key={row.key} class={row.state}>
            <p class="line">
              <span class="name">{row.name}</span>
              <span class="push" />
              {row.state === 'sending' && (
                <>
                  <span class="figures quiet" aria-hidden="true">
                    {formatPercent(row.progress, language)}
                  </span>
                  <button
                    type="button"
                    class="plain"
                    aria-label={words.because(words.upload.stop, row.name)}
                    onClick={() => row.cancel?.()}
                  >
                    {words.upload.stop}
                  </button>
                </>
              )}
            </p>
            {row.state === 'sending' && (
              <progress aria-label={words.upload.progress(row.name)} max={1} value={row.progress} />
            )}
            {row.message && <p class={row.state === 'failed' ? 'reason' : 'quiet'}>{row.message}</p>}
          </li>
        ))}
      </ul>
      {rows.every(row => row.state !== 'sending') && (
        <button type="button" class="plain" onClick={onClear}>
          {words.upload.clear}
        </button>
      )}
    </>
  );
}

interface Destination {
  inbox: string;
  instruction: string;
}

function useUploads() {
  const reader = useWords();
  const { words } = reader;
  const [rows, setRows] = useState<UploadRow[]>([]);
  /** One at a time: two at once would only slow each other down. */
  const turn = useRef<Promise<void>>(Promise.resolve());
  const change = (key: number, part: Partial<UploadRow>) =>
    setRows(all => all.map(row => (row.key === key ? { ...row, ...part } : row)));

  const send = async (file: File, { inbox, instruction }: Destination, key: number): Promise<void> => {
    try {
      const free = (await api.inboxes()).find(each => each.inbox === inbox)?.free_bytes ?? null;
      if (free !== null && file.size > free) {
        return change(key, { state: 'failed', message: words.upload.tooLarge(formatBytes(free)) });
      }
      const onProgress = (progress: number) => change(key, { progress });
      const upload = api.upload(file, { inbox, words: instruction, onProgress });
      change(key, { cancel: upload.cancel });
      const { name } = await upload.done;
      change(key, { state: 'done', progress: 1, name: escapeForTerminal(name), message: words.upload.added });
    } catch (error) {
      change(key, { state: 'failed', message: messageFor(error, reader) });
    }
  };

  const add = (files: readonly File[], destination: Destination) => {
    for (const file of files) {
      const key = nextKey++;
      let isStopped = false;
      const cancel = () => {
        isStopped = true;
        change(key, { state: 'failed', message: words.upload.stopped });
      };
      const name = escapeForTerminal(file.name);
      setRows(all => [{ key, name, progress: 0, state: 'sending', message: '', cancel }, ...all]);
      turn.current = turn.current.then(() => (isStopped ? undefined : send(file, destination, key)));
    }
  };
  return { rows, add, clear: () => setRows([]) };
}

function messageFor(error: unknown, { words, language }: Reader): string {
  if (!(error instanceof api.ApiError) || error.status === 0) return words.upload.lost;
  return error.status === -1 ? words.upload.stopped : problemAndHint(error, language);
}

/** Takes files dropped anywhere on the page; true while some are dragged over it. */
function useDropTarget(put: (files: readonly File[]) => void): boolean {
  const [isOver, setOver] = useState(false);
  const latest = useRef(put);
  latest.current = put;
  useEffect(() => {
    const hasFiles = (event: DragEvent) => event.dataTransfer?.types.includes('Files') === true;
    const over = (event: DragEvent) => {
      if (!hasFiles(event)) return;
      event.preventDefault();
      setOver(true);
    };
    const leave = (event: DragEvent) => {
      if (event.relatedTarget === null) setOver(false);
    };
    const drop = (event: DragEvent) => {
      if (!hasFiles(event)) return;
      event.preventDefault();
      setOver(false);
      latest.current([...(event.dataTransfer?.files ?? [])]);
    };
    addEventListener('dragover', over);
    addEventListener('dragleave', leave);
    addEventListener('drop', drop);
    return () => {
      removeEventListener('dragover', over);
      removeEventListener('dragleave', leave);
      removeEventListener('drop', drop);
    };
  }, []);
  return isOver;
}

/** The folder's name; the whole path if two folders have the same name. */
function shownAmong(path: string, all: readonly string[]): string {
  return all.filter(each => nameOf(each) === nameOf(path)).length > 1 ? path : nameOf(path);
}
