import { useState } from 'preact/hooks';
import * as api from './api.ts';
import { formatCount, nameOf } from './format.ts';
import { problemOf, useWords } from './language.ts';
import type { Model, Row, Update } from './model.ts';

export interface ListProps {
  model: Model;
  dispatch(...updates: Update[]): void;
}

type Action = 'retry' | 'cancel' | 'restore';

/** Buttons that act on one job or several; what went wrong appears beside them. */
export function Actions({
  jobs,
  actions,
  dispatch,
  isBare = false,
}: {
  jobs: readonly Row[];
  actions: Action[];
  dispatch: ListProps['dispatch'];
  isBare?: boolean;
}) {
  const { words, language } = useWords();
  const [busy, setBusy] = useState<Action>();
  const [problem, setProblem] = useState<unknown>();
  const [only] = jobs.length === 1 ? jobs : [];
  const act = async (action: Action) => {
    setBusy(action);
    setProblem(undefined);
    // One after the other: a hundred requests at once would only wait for each other.
    for (const { id } of jobs) {
      try {
        dispatch({ kind: 'job', job: await api.act(action, id) });
      } catch (error) {
        setProblem(error);
      }
    }
    setBusy(undefined);
  };
  return (
    <div class={isBare ? 'actions bare' : 'actions'}>
      {actions.map((action, index) => (
        <button
          key={action}
          type="button"
          class={index === 0 && !isBare && actions.length > 1 ? 'main' : isBare ? 'plain' : ''}
          disabled={busy !== undefined}
          aria-label={only && words.because(words[action], nameOf(only.source))}
          onClick={() => void act(action)}
        >
          {only ? words[action] : words.allOf(words[action], formatCount(jobs.length, language))}
        </button>
      ))}
      {problem !== undefined && (
        <p class="reason" role="alert">
          {words.because(words.actFailed, problemOf(problem, language))}
        </p>
      )}
    </div>
  );
}
