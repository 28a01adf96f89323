import { useEffect, useState } from 'preact/hooks';
import type { Needs as Groups } from '../api/types.ts';
import { Asked } from './action.tsx';
import { Actions, Problem, useAct } from './actions.tsx';
import * as api from './api.ts';
import { Details, DetailsButton } from './details.tsx';
import { useDesk } from './desk.ts';
import { unlessBusy } from './focus.ts';
import { formatBytes, formatCount, nameOf } from './format.ts';
import { Icon } from './icons.tsx';
import { useWords, worded } from './language.ts';
import { type Row, totalOf } from './model.ts';
import { Say } from './say.tsx';
import { Thumb } from './thumb.tsx';
import { FileLine } from './where.tsx';

/** As many are shown at once; more are a line that opens. */
const FEW = 3;
/** Jobs of one group shown before somebody asks for more. */
const SHOWN = 8;

type Group = Groups[number];

/** What only a person can settle; hidden while there is nothing. A reason shared by several jobs appears once. */
export function Needs() {
  const { words, language } = useWords();
  const { model } = useDesk();
  const total = totalOf(model, 'attention');
  const [chosen, setChosen] = useState<boolean>();
  if (total === 0 || model.needs.length === 0) return null;
  const isOne = total === 1;
  const isOpen = isOne || (chosen ?? total <= FEW);
  const title = words.needYou(total, formatCount(total, language));
  return (
    <section class="attention" aria-labelledby="attention-title">
      <h2 id="attention-title" class={isOne ? 'unseen' : 'needs-line'}>
        {isOne ? (
          title
        ) : (
          <button type="button" aria-expanded={isOpen} aria-controls="needs" onClick={() => setChosen(!isOpen)}>
            <Icon of="alert" />
            <span class="total">{title}</span>
            {!isOpen && <Gist groups={model.needs} />}
            <span class="push" />
            <span class="chevron" aria-hidden="true" />
          </button>
        )}
      </h2>
      <ul class="cards" id="needs" hidden={!isOpen}>
        {isOpen && model.needs.map(group => <Trouble key={`${group.state} ${group.code}`} group={group} />)}
      </ul>
    </section>
  );
}

/** `60 × … would be unrecognisable in 5 kB`, without the name of one of them. */
function Gist({ groups }: { groups: Groups }) {
  const { language } = useWords();
  const newest = useJobs(groups.flatMap(({ newest: [id] }) => id ?? []));
  const textOf = ({ reason, messages, jobs, newest: [id] }: Group) => {
    const text = worded(language, reason, messages?.reason);
    const one = newest.find(job => job.id === id);
    return `${formatCount(jobs, language)} × ${one ? withoutName(one, text) : text}`;
  };
  return <span class="quiet gist">{groups.map(textOf).join(' · ')}</span>;
}

function Trouble({ group }: { group: Group }) {
  const { words, language } = useWords();
  const [shown, setShown] = useState(SHOWN);
  const jobs = useJobs(group.newest.slice(0, shown));
  const [first] = jobs;
  if (!first) return null;
  const isAlone = group.jobs === 1;
  if (isAlone) {
    return (
      <li class="card alarm">
        <Needy job={first} isAlone />
      </li>
    );
  }
  return (
    <li class="card alarm">
      <div class="line">
        <strong class="count figures">{formatCount(group.jobs, language)}</strong>
        <p class="reason">{withoutName(first, worded(language, group.reason, group.messages?.reason))}</p>
      </div>
      <Hint job={first} />
      <div class="actions">
        <All group={group} jobs={jobs} />
      </div>
      <ul class="same">
        {jobs.map(job => (
          <li key={job.id}>
            <Needy job={job} />
          </li>
        ))}
      </ul>
      {group.jobs > jobs.length &&
        (group.newest.length > shown ? (
          <button type="button" class="plain" onClick={() => setShown(shown + 2 * SHOWN)}>
            {words.more(formatCount(group.jobs - jobs.length, language))}
          </button>
        ) : (
          <p class="quiet">{words.moreOf(formatCount(group.jobs - jobs.length, language))}</p>
        ))}
    </li>
  );
}

/** Acts on all of a group: what the list does not name is fetched first. */
function All({ group, jobs }: { group: Group; jobs: readonly Row[] }) {
  const { words, language } = useWords();
  const desk = useDesk();
  const { isBusy, problem, run } = useAct();
  const all = async (): Promise<readonly Row[]> => {
    if (jobs.length >= group.jobs) return jobs;
    const { rows } = await api.jobs({ states: [group.state], order: 'updated', limit: 200 });
    const named = new Set(group.newest);
    const isOfGroup = (row: Row) => named.has(row.id) || row.messages?.reason?.code === group.code;
    return rows.filter(isOfGroup);
  };
  const count = formatCount(group.jobs, language);
  const leave = group.state === 'held' ? 'left' : 'dismissed';
  const [first] = jobs;
  return (
    <>
      {first?.retry_helps && (
        <button
          type="button"
          class="small main"
          {...unlessBusy(
            isBusy,
            () =>
              void all().then(rows =>
                run(
                  rows.map(
                    ({ id }) =>
                      () =>
                        api.act('retry', id),
                  ),
                ),
              ),
          )}
        >
          {words.allOf(words.retry, count)}
        </button>
      )}
      <button
        type="button"
        class="small"
        {...unlessBusy(isBusy, () => void all().then(rows => desk.leave(rows, leave)))}
      >
        {words.allOf(leave === 'left' ? words.leave : words.dismiss, count)}
      </button>
      <Problem of={problem} />
    </>
  );
}

/** One file that needs somebody, and what can be done about it right here. */
function Needy({ job, isAlone = false }: { job: Row; isAlone?: boolean }) {
  const { words, language } = useWords();
  const { leaving } = useDesk();
  const [open, setOpen] = useState<'words' | 'details'>();
  const turn = (which: 'words' | 'details') => setOpen(open === which ? undefined : which);
  const name = nameOf(job.source);
  return (
    <div class="needy" inert={leaving.has(job.id)}>
      <Thumb job={job} />
      <div class="what">
        <FileLine job={job} />
        {isAlone && job.reason !== null && (
          <Reason name={name} text={worded(language, job.reason, job.messages?.reason)} />
        )}
        {isAlone && <Hint job={job} />}
      </div>
      <div class="actions">
        <Use job={job} />
        {job.state === 'held' && (
          <button
            type="button"
            class="small"
            aria-expanded={open === 'words'}
            aria-label={words.because(words.sayElse, name)}
            onClick={() => turn('words')}
          >
            {words.sayElse}
          </button>
        )}
        <Actions
          jobs={[job]}
          actions={job.retry_helps ? ['retry'] : []}
          leave={job.state === 'held' ? 'left' : 'dismissed'}
        />
        <DetailsButton job={job} isOpen={open === 'details'} onClick={() => turn('details')} />
      </div>
      {open === 'words' && <Say job={job} onClose={() => setOpen(undefined)} />}
      {open === 'details' && <Details of={job} />}
    </div>
  );
}

/** Who hears the page has just heard the name: of a sentence that begins with it, the rest is read. */
function Reason({ name, text }: { name: string; text: string }) {
  const rest = text.startsWith(name) ? text.slice(name.length) : text;
  return (
    <p class="reason">
      {rest !== text && <span aria-hidden="true">{name}</span>}
      {rest}
    </p>
  );
}

/** One tap for the size that the daemon says would do. */
function Use({ job }: { job: Row }) {
  const { words } = useWords();
  const { isBusy, problem, run } = useAct();
  const bytes = job.messages?.hint?.params?.['decent'];
  if (job.state !== 'held' || typeof bytes !== 'number') return null;
  const label = words.use(formatBytes(bytes));
  return (
    <>
      <button
        type="button"
        class="small main"
        aria-label={words.because(label, nameOf(job.source))}
        {...unlessBusy(isBusy, () => void run([() => api.refine(job.id, `at most ${Math.ceil(bytes)} bytes`)]))}
      >
        {label}
      </button>
      <Problem of={problem} />
    </>
  );
}

function Hint({ job }: { job: Row }) {
  const { language } = useWords();
  if (job.action !== null) {
    return (
      <p class="quiet">
        <Asked action={job.action} message={job.messages?.action} />
      </p>
    );
  }
  return job.hint ? <p class="quiet">{worded(language, job.hint, job.messages?.hint)}</p> : null;
}

/** `… is not a video: it is text`: the common part of several reasons that each name a file. */
function withoutName(job: Row, reason: string): string {
  return reason.split(nameOf(job.source)).join('…');
}

/** Those jobs: from the page where it has them, else from the server. */
function useJobs(ids: readonly string[]): readonly Row[] {
  const { model } = useDesk();
  const [fetched, setFetched] = useState<ReadonlyMap<string, Row>>(new Map());
  const here = new Map(model.attention.rows.map(row => [row.id, row]));
  const missing = ids.filter(id => !here.has(id) && !fetched.has(id));
  useEffect(() => {
    let isLate = false;
    void Promise.all(missing.map(id => api.job(id).catch(() => undefined))).then(found => {
      if (isLate) return;
      const rows = found.flatMap(row => (row ? [[row.id, row] as const] : []));
      if (rows.length > 0) setFetched(now => new Map([...now, ...rows]));
    });
    return () => {
      isLate = true;
    };
  }, [missing.join(' ')]);
  return ids.flatMap(id => here.get(id) ?? fetched.get(id) ?? []);
}
