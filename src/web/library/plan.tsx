import type { LibraryView } from '../../api/types.ts';
import { formatBytes, formatCount, formatPercent, formatSpan, formatWhen } from '../format.ts';
import { useWords, worded } from '../language.ts';

type Plan = NonNullable<LibraryView['plan']>;

/** What would come of a folder: how many videos, how much smaller, how long it takes, and what stays as it is and why. */
export function PlanView({ plan, isOpen }: { plan: Plan; isOpen: boolean }) {
  const { words, language } = useWords();
  const { folder, made_at: made } = plan;
  return (
    <details class="plan" open={isOpen}>
      <summary>{words.library.planFor(folder, formatWhen(made, Date.now(), language))}</summary>
      <Sums plan={plan} />
      {plan.archive_missing_bytes ? (
        <p class="reason">{words.library.archiveTooSmall(formatBytes(plan.archive_missing_bytes))}</p>
      ) : null}
      <div class="plan-lists">
        <LeftAlone plan={plan} />
        <Largest plan={plan} />
      </div>
      <p class="quiet">
        {words.library.judged(formatCount(plan.looked_at, language), formatCount(plan.sampled, language))}{' '}
        {plan.estimated.films > 0 &&
          `${words.library.estimated(formatCount(plan.estimated.films, language), formatBytes(plan.estimated.bytes))} `}
        {words.library.others(formatCount(plan.other_files, language))}{' '}
        {plan.unreadable_folders > 0 &&
          words.library.unreadable(plan.unreadable_folders, formatCount(plan.unreadable_folders, language))}
      </p>
    </details>
  );
}

function Sums({ plan: { films, bytes, todo } }: { plan: Plan }) {
  const { words, language } = useWords();
  const saved = todo.bytes - todo.expected_bytes;
  const share = todo.bytes > 0 ? saved / todo.bytes : 0;
  const count = (n: number) => formatCount(n, language);
  return (
    <dl class="figures facts">
      <div>
        <dt>{words.library.videos}</dt>
        <dd class="mid">{count(films)}</dd>
        <dd class="quiet">{words.library.toDo(count(todo.films), formatBytes(todo.bytes))}</dd>
      </div>
      <div>
        <dt>{words.library.now}</dt>
        <dd class="mid">{formatBytes(bytes)}</dd>
      </div>
      <div>
        <dt>{words.library.after}</dt>
        <dd class="mid">{formatBytes(bytes - saved)}</dd>
        <dd class="quiet">{words.library.smaller(formatBytes(saved), formatPercent(share, language))}</dd>
      </div>
      <div>
        <dt>{words.library.work}</dt>
        <dd class="mid">{formatSpan(todo.seconds * 1000, language)}</dd>
        <dd class="quiet">{words.library.unhurried}</dd>
      </div>
    </dl>
  );
}

function LeftAlone({ plan: { left_alone: left } }: { plan: Plan }) {
  const { words, language } = useWords();
  if (left.length === 0) return null;
  return (
    <div>
      <h4>{words.library.left}</h4>
      <ul class="listed">
        {left.map(({ kind, text, films, bytes }) => (
          <li key={kind}>
            <span>{worded(language, text, { code: 'library.kind', params: { kind } })}</span>
            <span class="figures quiet">{words.library.leftOf(formatCount(films, language), formatBytes(bytes))}</span>
          </li>
        ))}
      </ul>
    </div>
  );
}

function Largest({ plan: { largest, library } }: { plan: Plan }) {
  const { words, language } = useWords();
  if (largest.length === 0) return null;
  const below = (path: string) => (path.startsWith(`${library}/`) ? path.slice(library.length + 1) : path);
  return (
    <div>
      <h4>{words.library.largest(largest.length)}</h4>
      <ul class="listed">
        {largest.map(({ path, bytes, expected_bytes: expected, seconds }) => (
          <li key={path}>
            <span class="path">{below(path)}</span>
            <span class="figures quiet">
              {formatBytes(bytes)} → {formatBytes(expected)} · {formatSpan(seconds * 1000, language)}
            </span>
          </li>
        ))}
      </ul>
    </div>
  );
}
