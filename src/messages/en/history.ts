import { HISTORY_WORDS } from '../../core/history.ts';

/** What the history says of its own has its English words in core, where journals are replayed. */
export const HISTORY_EN = {
  'history.step': HISTORY_WORDS.step,
  'history.archived': HISTORY_WORDS.archived,
  'history.deleted': HISTORY_WORDS.deleted,
  'history.pruned': HISTORY_WORDS.pruned,
  'history.moved': HISTORY_WORDS.moved,
};
