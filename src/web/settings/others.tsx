import { useState } from 'preact/hooks';
import type { NotifyTest } from '../../api/types.ts';
import * as api from '../api.ts';
import { problemOf, useWords } from '../language.ts';
import { type Editing, problemsAt, withOutcome } from './draft.ts';

/** When this machine encodes. */
export function Hours({ editing: { view, draft, problems, change } }: { editing: Editing }) {
  const { words, language } = useWords();
  const wrong = problemsAt(problems, 'limits.local_hours', language);
  return (
    <section aria-labelledby="hours-title">
      <h3 id="hours-title">{words.settings.hours}</h3>
      <div class="card field">
        <label for="hours">{words.settings.hoursLabel}</label>
        <input
          id="hours"
          type="text"
          autoComplete="off"
          placeholder="22:00-07:00"
          disabled={!view.editable}
          value={draft.hours}
          aria-invalid={wrong.length > 0}
          aria-describedby="hours-note hours-wrong"
          onInput={event => change({ ...draft, hours: event.currentTarget.value })}
        />
        <p id="hours-wrong" class="reason">
          {wrong.join(' ')}
        </p>
        <p id="hours-note" class="quiet">
          {words.settings.hoursNote(view.time_zone)}
        </p>
      </div>
    </section>
  );
}

const OUTCOMES = ['done', 'held', 'failed'] as const;

/** Who is told of what, and a button that tells everybody something. */
export function Notifications({ editing: { view, draft, change } }: { editing: Editing }) {
  const { words } = useWords();
  return (
    <section aria-labelledby="notify-title">
      <h3 id="notify-title">{words.settings.notify}</h3>
      <div class="card">
        <p class="quiet">{view.notify.length === 0 ? words.settings.notifyNone : words.settings.notifyNote}</p>
        {view.notify.map(({ to }, index) => (
          <fieldset key={index} class="checks" disabled={!view.editable}>
            <legend>
              <code>{to}</code>
            </legend>
            {OUTCOMES.map(outcome => {
              const told = draft.notify[index]?.includes(outcome) === true;
              return (
                <label key={outcome} class="check">
                  <input
                    type="checkbox"
                    checked={told}
                    // Nothing at all would be no notification.
                    disabled={told && draft.notify[index]?.length === 1}
                    onChange={() => change(withOutcome(draft, index, outcome, !told))}
                  />
                  {words.settings.outcomes[outcome]}
                </label>
              );
            })}
          </fieldset>
        ))}
        {view.notify.length > 0 && view.editable && <Test />}
      </div>
    </section>
  );
}

function Test() {
  const { words, language } = useWords();
  const [isBusy, setBusy] = useState(false);
  const [results, setResults] = useState<NotifyTest>([]);
  const [problem, setProblem] = useState<unknown>();
  const test = () => {
    setBusy(true);
    setProblem(undefined);
    setResults([]);
    api
      .testNotify()
      .then(setResults, setProblem)
      .finally(() => setBusy(false));
  };
  return (
    <>
      <button type="button" class="small" disabled={isBusy} onClick={test}>
        {isBusy ? words.settings.testing : words.settings.test}
      </button>
      <div role="status">
        {results.map(({ url, ok, said }) => (
          <p key={url} class={ok ? 'quiet' : 'reason'}>
            {words.because(url, said)}
          </p>
        ))}
        {problem !== undefined && <p class="reason">{words.because(words.actFailed, problemOf(problem, language))}</p>}
      </div>
    </>
  );
}
