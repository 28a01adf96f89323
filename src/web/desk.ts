import { createContext } from 'preact';
import { useContext } from 'preact/hooks';
import { EMPTY, type Model, type Row, type Update } from './model.ts';

/** What can be looked at of a result, above the page. */
export interface Viewing {
  job: Row;
  as: 'play' | 'compare';
}

export type Leave = 'cancelled' | 'left' | 'dismissed';

/** What is on the page, and what can be done from everywhere on it. */
export interface Desk {
  model: Model;
  /** The last news of jobs by their source, whether a list shows them or not. */
  heard: ReadonlyMap<string, Row>;
  dispatch(...updates: Update[]): void;
  /** Jobs whose cancelling was asked for and has not been answered. */
  leaving: ReadonlySet<string>;
  /** Cancels them; what that is called here. It can be undone. */
  leave(jobs: readonly Row[], as: Leave): void;
  view(viewing: Viewing): void;
}

export const DeskContext = createContext<Desk>({
  model: EMPTY,
  heard: new Map(),
  dispatch: () => {},
  leaving: new Set(),
  leave: () => {},
  view: () => {},
});

export function useDesk(): Desk {
  return useContext(DeskContext);
}
