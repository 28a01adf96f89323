import { useEffect, useRef, useState } from 'preact/hooks';
import type { ArchiveView } from '../../api/types.ts';
import * as api from '../api.ts';
import { formatBytes, formatCount, formatWhen, nameOf } from '../format.ts';
import { problemOf, useWords } from '../language.ts';
import { Restore } from './restore.tsx';
import './archive.css';

/** Rows shown before somebody asks for more. */
const SHOWN = 100;

type Archived = ArchiveView['files'][number];

/** The originals that lie in the archives, each or many of which can be brought back. */
export default function Archive() {
  const { words, language } = useWords();
  const { view, problem, load } = useArchive();
  const [text, setText] = useState('');
  const [shown, setShown] = useState(SHOWN);
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const title = useRef<HTMLHeadingElement>(null);
  useEffect(() => title.current?.focus(), []);
  if (!view) return <p class="quiet">{problem === undefined ? words.archive.loading : problemOf(problem, language)}</p>;
  const wanted = text.trim().toLowerCase();
  const files = view.files.filter(({ source }) => source.toLowerCase().includes(wanted));
  const picked = files.filter(({ job }) => chosen.has(job));
  const turn = (job: string) =>
    setChosen(now => new Set(now.has(job) ? [...now].filter(id => id !== job) : [...now, job]));
  const turnAll = () => setChosen(new Set(picked.length === files.length ? [] : files.map(({ job }) => job)));
  return (
    <>
      <div class="archive-head">
        <h2 ref={title} tabIndex={-1}>
          {words.archive.title}
        </h2>
        <p class="quiet">
          {words.archive.sum(view.files.length, formatCount(view.files.length, language), formatBytes(view.bytes))}
        </p>
      </div>
      {view.files.length > 0 && (
        <>
          <div class="line archive-tools">
            <label class="check">
              <input type="checkbox" checked={files.length > 0 && picked.length === files.length} onChange={turnAll} />
              {words.archive.all}
            </label>
            <Restore files={picked} onDone={load} />
            <span class="push" />
            <input
              type="search"
              class="search"
              placeholder={words.search}
              aria-label={words.search}
              value={text}
              onInput={event => setText(event.currentTarget.value)}
            />
          </div>
          <ul class="card tight archive">
            {files.slice(0, shown).map(file => (
              <Row key={file.job} file={file} isChosen={chosen.has(file.job)} onTurn={() => turn(file.job)} />
            ))}
          </ul>
        </>
      )}
      {files.length > shown && (
        <button type="button" class="plain" onClick={() => setShown(shown + SHOWN)}>
          {words.more(formatCount(files.length - shown, language))}
        </button>
      )}
    </>
  );
}

function Row({ file, isChosen, onTurn }: { file: Archived; isChosen: boolean; onTurn(): void }) {
  const { words, language } = useWords();
  const { source, path, bytes, archived_at: since, until } = file;
  const when = (at: number) => formatWhen(at, Date.now(), language);
  return (
    <li class="row">
      <label class="check">
        <input type="checkbox" checked={isChosen} aria-label={words.archive.choose(nameOf(source))} onChange={onTurn} />
      </label>
      <div class="what">
        <p class="name" title={path}>
          {nameOf(source)}
        </p>
        <p class="quiet path">{path}</p>
      </div>
      <p class="figures">{formatBytes(bytes)}</p>
      <p class="quiet figures when">
        <span>{words.archive.since(when(since))}</span>
        <span>{until === null ? words.archive.forEver : words.archive.until(when(until))}</span>
      </p>
    </li>
  );
}

function useArchive() {
  const [view, setView] = useState<ArchiveView>();
  const [problem, setProblem] = useState<unknown>();
  const load = () => void api.archive().then(setView, setProblem);
  useEffect(load, []);
  return { view, problem, load };
}
