import { escapeForTerminal } from '../core/escape.ts';
import type { StatusView } from '../api/types.ts';
import { useDesk } from './desk.ts';
import { formatCount, formatPercent, formatSpan, formatWhen, nameOf } from './format.ts';
import { type Reader, useWords, worded } from './language.ts';
import { useNow } from './now.ts';

type Fleet = NonNullable<StatusView['fleet']>;
type Worker = Fleet['workers'][number];
type Part = Fleet['films'][number]['parts'][number];

/** As many as there are colours in style.css; who comes after them shares one, and has a name beside it. */
const COLOURS = 6;

/** The parts of a film in their order, in the colour of who makes or made each. */
export function Parts({ job }: { job: string }) {
  const { words, language } = useWords();
  const fleet = useDesk().model.status?.fleet;
  const film = fleet?.films.find(each => each.job === job);
  if (!fleet || !film || film.of < 2) return null;
  const known = new Map(film.parts.map(part => [part.part, part]));
  const all = Array.from({ length: film.of }, (_, part): Part => known.get(part) ?? waitingFor(part));
  const makers = new Map<string, number>();
  for (const { worker } of film.parts) if (worker !== null) makers.set(worker, (makers.get(worker) ?? 0) + 1);
  const count = (state: Part['state']) => all.filter(part => part.state === state).length;
  const { parts, waiting, here } = words.fleet;
  return (
    <figure class="parts">
      <div class="strip" role="img" aria-label={parts(film.of, count('made'), count('making'))}>
        {all.map(part => (
          <span
            key={part.part}
            class={`part ${part.state} ${colourOf(part.worker, fleet)}`}
            style={{ '--made': `${Math.round((part.fraction ?? 0) * 100)}%` }}
            title={titleOf(part, { words, language })}
          />
        ))}
      </div>
      <figcaption class="line quiet figures">
        {[...makers]
          .sort(([a], [b]) => a.localeCompare(b))
          .map(([name, number]) => (
            <span key={name}>
              <span class={`swatch ${colourOf(name, fleet)}`} /> {name} {formatCount(number, language)}
            </span>
          ))}
        {count('here') > 0 && (
          <span>
            <span class="swatch here" /> {here} {formatCount(count('here'), language)}
          </span>
        )}
        {count('waiting') > 0 && (
          <span>
            <span class="swatch" /> {waiting} {formatCount(count('waiting'), language)}
          </span>
        )}
      </figcaption>
    </figure>
  );
}

function waitingFor(part: number): Part {
  return { part, state: 'waiting', worker: null, step: null, fraction: null };
}

/** The same for a worker wherever it is shown, and while others come and go. */
function colourOf(worker: string | null, { workers }: Fleet): string {
  const at = workers.findIndex(({ name }) => name === worker);
  return at < 0 ? '' : `c${at % COLOURS}`;
}

function titleOf({ part, state, worker, step, fraction }: Part, { words, language }: Reader): string {
  const { fleet } = words;
  const who = worker ?? (state === 'here' ? fleet.here : fleet.waiting);
  const what = step === null ? [] : [fleet.steps[step] ?? step];
  const far = state === 'making' ? [formatPercent(fraction ?? 0, language)] : [];
  return [fleet.part(part + 1), who, ...what, ...far].join(' · ');
}

/** All workers there are, where there is a fleet. */
export function Workers() {
  const { words, language } = useWords();
  const { model } = useDesk();
  const fleet = model.status?.fleet;
  if (!fleet) return null;
  const { queue, workers } = fleet;
  const heads = [words.fleet.worker, words.fleet.doing, words.fleet.heard];
  return (
    <section class="workers" aria-labelledby="workers-title">
      <h2 id="workers-title">
        {words.fleet.title}{' '}
        {workers.length > 1 && <span class="count figures">{formatCount(workers.length, language)}</span>}
      </h2>
      {!queue.up && (
        <p class="notice bad" role="alert">
          {words.fleet.queueAway(formatWhen(queue.since, Date.now(), language), queue.why ?? '')}
        </p>
      )}
      {workers.length === 0 ? (
        <p class="card quiet">{words.fleet.none}</p>
      ) : (
        <div class="card">
          <table>
            <thead>
              <tr>
                {heads.map(head => (
                  <th key={head} scope="col">
                    {head}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {workers.map(worker => (
                <WorkerRow key={worker.name} worker={worker} fleet={fleet} />
              ))}
            </tbody>
          </table>
        </div>
      )}
    </section>
  );
}

function WorkerRow({ worker, fleet }: { worker: Worker; fleet: Fleet }) {
  const reader = useWords();
  const { words, language } = reader;
  const { name, state, version, hours, tasks, seen_at: seen } = worker;
  const now = useNow();
  const isThere = state !== 'away' && seen !== null;
  const heard =
    seen === null
      ? words.fleet.never
      : isThere
        ? words.fleet.now
        : words.fleet.ago(formatSpan(Math.max(0, now - seen), language));
  return (
    <tr class={isThere ? '' : 'gone'}>
      <th scope="row">
        <span class={`swatch ${colourOf(name, fleet)}`} /> {name}
        {version !== null && <span class="quiet figures">{version}</span>}
      </th>
      <td>
        <span class={`state ${state}`}>{words.fleet.states[state]}</span>
        {state === 'benched' && <span class="quiet">{benchedText(worker, reader)}</span>}
        {tasks.map(task => (
          <span class="quiet figures" key={task.task}>
            <Task task={task} isResting={state === 'resting'} />
          </span>
        ))}
        {hours !== null && <span class="quiet figures">{words.fleet.hours(hours)}</span>}
      </td>
      <td class="quiet figures">{state === 'invited' ? '' : heard}</td>
    </tr>
  );
}

function benchedText({ benched_for_ms: left, benched_because: why, messages }: Worker, { words, language }: Reader) {
  if (left === null) return words.fleet.benchedBySomebody;
  const because = escapeForTerminal(worded(language, why ?? '', messages?.benched_because));
  return words.fleet.benchedFor(formatSpan(left, language), because);
}

function Task({ task, isResting }: { task: Worker['tasks'][number]; isResting: boolean }) {
  const { words, language } = useWords();
  const { model } = useDesk();
  const at = task.task.lastIndexOf('.');
  const id = task.task.slice(0, at);
  const film = model.active.rows.find(row => row.id === id);
  const { fleet } = words;
  const parts = [
    ...(film ? [nameOf(film.source)] : [id]),
    fleet.part(Number(task.task.slice(at + 1)) + 1),
    ...(task.step === '' ? [] : [fleet.steps[task.step] ?? task.step]),
    formatPercent(task.fraction, language),
    ...(!isResting && task.fps > 0 ? [fleet.speed(formatCount(Math.round(task.fps), language))] : []),
  ];
  return <>{parts.join(' · ')}</>;
}
