import { useEffect, useId, useState } from 'preact/hooks';
import type { ConfigView, Which as Found } from '../../api/types.ts';
import * as api from '../api.ts';
import { useDesk } from '../desk.ts';
import { nameOf } from '../format.ts';
import { problemOf, useWords, worded } from '../language.ts';

/** A pause in typing after which it is asked, milliseconds. */
const TYPING_MS = 200;

/** Says which rule a file gets: one by its name, or one of the videos on the page. */
export function Which({ view, isChanged }: { view: ConfigView; isChanged: boolean }) {
  const { words } = useWords();
  const [name, setName] = useState('');
  const [megabytes, setMegabytes] = useState('200');
  const [inbox, setInbox] = useState('');
  const [job, setJob] = useState('');
  const jobs = useJobs();
  const bytes = String(Math.max(0, Math.round(Number(megabytes) * 1e6)) || 0);
  const chosen = inbox || view.folders[0]?.inbox || '';
  const asked = job ? { job } : name.trim() === '' ? undefined : { name: name.trim(), inbox: chosen, bytes };
  const { found, problem } = useWhich(asked, view.version);
  return (
    <section aria-labelledby="which-title">
      <h3 id="which-title">{words.settings.which.title}</h3>
      <div class="card which">
        <div class="field">
          <label for="which-name">{words.settings.which.name}</label>
          <input
            id="which-name"
            type="text"
            maxLength={1000}
            autoComplete="off"
            spellcheck={false}
            placeholder={words.settings.which.example}
            value={name}
            onInput={event => {
              setJob('');
              setName(event.currentTarget.value);
            }}
          />
        </div>
        <Size value={megabytes} onChange={setMegabytes} />
        {view.folders.length > 1 && (
          <Choice
            label={words.settings.which.inbox}
            value={chosen}
            options={view.folders.map(folder => [folder.inbox, folder.inbox])}
            onChoose={setInbox}
          />
        )}
        {jobs.length > 0 && (
          <Choice
            label={words.settings.which.pick}
            value={job}
            options={[['', words.settings.which.none], ...jobs.map(each => [each.id, nameOf(each.source)] as const)]}
            onChoose={setJob}
          />
        )}
        <Answer found={found} problem={problem} />
        {isChanged && asked && <p class="quiet wide">{words.settings.which.unsaved}</p>}
      </div>
    </section>
  );
}

function Size({ value, onChange }: { value: string; onChange(value: string): void }) {
  const { words } = useWords();
  return (
    <div class="field">
      <label for="which-size">{words.settings.which.size}</label>
      <input
        id="which-size"
        type="number"
        min={0}
        value={value}
        onInput={event => onChange(event.currentTarget.value)}
      />
    </div>
  );
}

interface ChoiceProps {
  label: string;
  value: string;
  options: readonly (readonly [value: string, text: string])[];
  onChoose(value: string): void;
}

function Choice({ label, value, options, onChoose }: ChoiceProps) {
  const id = useId();
  return (
    <div class="field wide">
      <label for={id}>{label}</label>
      <select id={id} value={value} onChange={event => onChoose(event.currentTarget.value)}>
        {options.map(([each, text]) => (
          <option key={each} value={each}>
            {text}
          </option>
        ))}
      </select>
    </div>
  );
}

function Answer({ found, problem }: { found: Found | undefined; problem: unknown }) {
  const { words, language } = useWords();
  return (
    <div class="wide" role="status">
      {problem !== undefined && <p class="reason">{problemOf(problem, language)}</p>}
      {found && (
        <>
          <p>
            <strong>{found.rule === null ? words.settings.which.noRule : words.settings.which.gets(found.rule)}</strong>
          </p>
          <ol class="compared">
            {found.rules.map(({ name, matched, why, message }) => (
              <li key={name} class={matched ? 'yes' : 'quiet'}>
                <span aria-hidden="true">{matched ? '✓' : '✗'}</span>
                <span class="unseen">{matched ? words.settings.which.yes : words.settings.which.no}: </span>
                <span>{words.because(name, worded(language, why, message))}</span>
              </li>
            ))}
          </ol>
          <p class="quiet">{worded(language, found.verdict, found.message)}</p>
        </>
      )}
    </div>
  );
}

/** The videos that the lists of the page hold, each name once. */
function useJobs() {
  const { model } = useDesk();
  const rows = [...model.active.rows, ...model.attention.rows, ...model.queue.rows, ...model.history.rows];
  return [...new Map(rows.map(row => [row.source, row])).values()];
}

function useWhich(asked: Parameters<typeof api.which>[0] | undefined, version: string | null) {
  const [answer, setAnswer] = useState<{ found?: Found; problem?: unknown }>({});
  useEffect(() => {
    if (!asked) return setAnswer({});
    const end = new AbortController();
    const timer = setTimeout(() => {
      api.which(asked, end.signal).then(
        found => end.signal.aborted || setAnswer({ found }),
        (problem: unknown) => end.signal.aborted || setAnswer({ problem }),
      );
    }, TYPING_MS);
    return () => {
      clearTimeout(timer);
      end.abort();
    };
  }, [JSON.stringify(asked), version]);
  return { found: answer.found, problem: answer.problem };
}
