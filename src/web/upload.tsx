import { useEffect, useRef, useState } from 'preact/hooks';
import type { StatusView } from '../api/types.ts';
import { escapeForTerminal } from '../core/escape.ts';
import { VIDEO_EXTENSIONS } from '../core/file-names.ts';
import { MAX_INSTRUCTION } from '../core/job.ts';
import { filesIn } from './dropped.ts';
import { nameOf } from './format.ts';
import { useWords } from './language.ts';
import { sharedFiles } from './shared.ts';
import { UnderstoodAs } from './say.tsx';
import { Sent } from './sent.tsx';
import { useUploads } from './use-uploads.ts';

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
  const canTake = inbox !== '';
  useEffect(() => {
    if (canTake) void sharedFiles().then(put);
  }, [canTake]);
  return (
    <section class="upload card" aria-labelledby="upload-title">
      <h2 id="upload-title">{words.upload.title}</h2>
      {inboxes.length === 0 ? (
        <p class="quiet">{words.upload.away}</p>
      ) : (
        <>
          <p class="quiet lead">{words.upload.lead}</p>
          <FileButton onFiles={put} />
          <Chips instruction={instruction} onChoose={setInstruction} />
          <label for="instruction">{words.upload.instruction}</label>
          <input
            id="instruction"
            type="text"
            maxLength={MAX_INSTRUCTION}
            autoComplete="off"
            placeholder={words.upload.example}
            value={instruction}
            aria-describedby="instruction-read"
            onInput={event => setInstruction(event.currentTarget.value)}
          />
          <UnderstoodAs id="instruction-read" text={instruction} about={{ inbox }} />
          {inboxes.length > 1 && <InboxChoice inboxes={inboxes} inbox={inbox} onChoose={setChosen} />}
        </>
      )}
      <Sent rows={rows} onClear={clear} />
      {isOver && inbox !== '' && (
        <div class="drop-here" aria-hidden="true">
          <p>{words.upload.here}</p>
        </div>
      )}
    </section>
  );
}

const CHIPS = ['8', '25', '50', 'half', 'clear'] as const;

/** The sizes people ask for most; each is only words, which can be seen and changed below. */
function Chips({ instruction, onChoose }: { instruction: string; onChoose(instruction: string): void }) {
  const { words } = useWords();
  return (
    <fieldset class="chips">
      <legend>{words.upload.wanted}</legend>
      {CHIPS.map(each => {
        const [label, said] = words.upload.chips[each];
        const isChosen = instruction === said;
        return (
          <button
            key={each}
            type="button"
            class="chip"
            aria-pressed={isChosen}
            onClick={() => onChoose(isChosen ? '' : said)}
          >
            {label}
          </button>
        );
      })}
    </fieldset>
  );
}

/** What the file chooser offers: on phones the camera roll. */
const ACCEPTED = ['video/*', ...[...VIDEO_EXTENSIONS].map(extension => `.${extension}`)].join(',');

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
        id="files"
        accept={ACCEPTED}
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
      if (event.dataTransfer) void filesIn(event.dataTransfer).then(files => latest.current(files));
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
