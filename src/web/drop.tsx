import { useEffect, useRef, useState } from 'preact/hooks';
import type { StatusView } from '../api/types.ts';
import { escapeForTerminal } from '../core/escape.ts';
import * as api from './api.ts';
import { formatBytes, formatPercent, nameOf } from './format.ts';
import { useWords } from './speech.ts';

interface Coming {
  key: number;
  name: string;
  /** 0 to 1; 1 means that the server has it whole. */
  progress: number;
  state: 'coming' | 'done' | 'failed';
  message: string;
  cancel?: (() => void) | undefined;
}

let nextKey = 1;

/** Takes files, by choosing or by dropping them anywhere on the page, and brings them into an inbox one after the other. */
export function Drop({ status }: { status: StatusView }) {
  const { words } = useWords();
  const inboxes = status.folders.filter(folder => folder.available).map(folder => folder.inbox);
  const [chosen, setChosen] = useState('');
  const [wish, setWish] = useState('');
  const inbox = inboxes.includes(chosen) ? chosen : (inboxes[0] ?? '');
  const { coming, add, clear } = useUploads();
  const put = (files: readonly File[]) => {
    if (files.length === 0 || inbox === '') return;
    add(files, inbox, wish.trim());
    setWish('');
  };
  const isOver = useDropTarget(put);
  const input = useRef<HTMLInputElement>(null);
  return (
    <section class="drop card" aria-labelledby="drop-title">
      <h2 id="drop-title">{words.drop.title}</h2>
      {inboxes.length === 0 ? (
        <p class="quiet">{words.drop.away}</p>
      ) : (
        <>
          <p class="quiet lead">{words.drop.lead}</p>
          <button type="button" class="main wide" onClick={() => input.current?.click()}>
            {words.drop.choose}
          </button>
          <input
            ref={input}
            hidden
            type="file"
            multiple
            onChange={event => {
              put([...(event.currentTarget.files ?? [])]);
              event.currentTarget.value = '';
            }}
          />
          <label for="wish">{words.drop.words}</label>
          <input
            id="wish"
            type="text"
            maxLength={1000}
            autoComplete="off"
            placeholder={words.drop.wordsExample}
            value={wish}
            onInput={event => setWish(event.currentTarget.value)}
          />
          {inboxes.length > 1 && (
            <>
              <label for="into">{words.drop.inbox}</label>
              <select id="into" value={inbox} onChange={event => setChosen(event.currentTarget.value)}>
                {inboxes.map(path => (
                  <option key={path} value={path}>
                    {escapeForTerminal(shownAmong(path, inboxes))}
                  </option>
                ))}
              </select>
            </>
          )}
        </>
      )}
      <Uploads coming={coming} onClear={clear} />
      {isOver && inbox !== '' && (
        <div class="over" aria-hidden="true">
          <p>{words.drop.here}</p>
        </div>
      )}
    </section>
  );
}

function Uploads({ coming, onClear }: { coming: Coming[]; onClear(): void }) {
  const { words, language } = useWords();
  if (coming.length === 0) return null;
  return (
    <>
      <ul class="uploads" aria-live="polite">
        {coming.map(each => (
          <li key={each.key} class={each.state}>
            <p class="line">
              <span class="name">{each.name}</span>
              <span class="push" />
              {each.state === 'coming' && (
                <>
                  <span class="figures quiet" aria-hidden="true">
                    {formatPercent(each.progress, language)}
                  </span>
                  <button
                    type="button"
                    class="plain"
                    aria-label={`${words.drop.stop}: ${each.name}`}
                    onClick={() => each.cancel?.()}
                  >
                    {words.drop.stop}
                  </button>
                </>
              )}
            </p>
            {each.state === 'coming' && (
              <progress aria-label={words.drop.progress(each.name)} max={1} value={each.progress} />
            )}
            {each.message && <p class={each.state === 'failed' ? 'reason' : 'quiet'}>{each.message}</p>}
          </li>
        ))}
      </ul>
      {coming.every(each => each.state !== 'coming') && (
        <button type="button" class="plain" onClick={onClear}>
          {words.drop.clear}
        </button>
      )}
    </>
  );
}

function useUploads() {
  const { words } = useWords();
  const [coming, setComing] = useState<Coming[]>([]);
  /** One at a time: two at once only make both late. */
  const turn = useRef<Promise<void>>(Promise.resolve());
  const change = (key: number, part: Partial<Coming>) =>
    setComing(all => all.map(each => (each.key === key ? { ...each, ...part } : each)));

  const send = async (file: File, inbox: string, wish: string, key: number, stopped: () => boolean): Promise<void> => {
    if (stopped()) return;
    try {
      const free = (await api.inboxes()).find(each => each.inbox === inbox)?.free_bytes ?? null;
      if (free !== null && file.size > free) {
        return change(key, { state: 'failed', message: words.drop.tooLarge(formatBytes(free)) });
      }
      const upload = api.upload(file, inbox, wish, progress => change(key, { progress }));
      change(key, { cancel: upload.cancel });
      const { name } = await upload.done;
      change(key, { state: 'done', progress: 1, name: escapeForTerminal(name), message: words.drop.whole });
    } catch (error) {
      change(key, { state: 'failed', message: messageFor(error, words.drop) });
    }
  };

  const add = (files: readonly File[], inbox: string, wish: string) => {
    for (const file of files) {
      const key = nextKey++;
      let isStopped = false;
      const cancel = () => {
        isStopped = true;
        change(key, { state: 'failed', message: words.drop.stopped });
      };
      setComing(all => [
        { key, name: escapeForTerminal(file.name), progress: 0, state: 'coming', message: '', cancel },
        ...all,
      ]);
      turn.current = turn.current.then(() => send(file, inbox, wish, key, () => isStopped));
    }
  };
  return { coming, add, clear: () => setComing([]) };
}

function messageFor(error: unknown, words: { lost: string; stopped: string }): string {
  if (!(error instanceof api.ApiError)) return words.lost;
  if (error.status === -1) return words.stopped;
  return error.status === 0 ? words.lost : [error.message, error.hint].filter(Boolean).join('. ');
}

/** Files dragged over the page, wherever; true while they are. */
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

/** The folder's name; the whole path where two have the same. */
function shownAmong(path: string, all: readonly string[]): string {
  return all.filter(each => nameOf(each) === nameOf(path)).length > 1 ? path : nameOf(path);
}
