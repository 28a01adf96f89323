import { AFTER_EN } from './after.ts';
import { APP_EN } from './app.ts';
import { HISTORY_EN } from './history.ts';
import { QUEUE_EN } from './queue.ts';
import { CONFIG_EN } from './config.ts';
import { CHILD_EN } from './child.ts';
import { FLEET_EN } from './fleet.ts';
import { FILES_EN } from './files.ts';
import { HTTP_EN } from './http.ts';
import { API_EN } from './api.ts';
import { LOCAL_EN } from './local.ts';
import { MEDIA_EN } from './media.ts';
import { COMPLETENESS_EN } from './completeness.ts';
import { DELIVER_EN } from './deliver.ts';
import { JOURNAL_EN } from './journal.ts';
import { LIBRARY_EN } from './library.ts';
import { INBOX_EN } from './inbox.ts';
import { NEMO_EN } from './nemo.ts';
import { RULES_EN } from './rules.ts';
import { SETTINGS_EN } from './settings.ts';
import { STEPS_EN } from './steps.ts';
import { VERIFY_EN } from './verify.ts';

/** Every code with its English words, one file a room. */
export const EN = {
  ...STEPS_EN,
  ...AFTER_EN,
  ...APP_EN,
  ...CHILD_EN,
  ...CONFIG_EN,
  ...FILES_EN,
  ...FLEET_EN,
  ...HTTP_EN,
  ...API_EN,
  ...LOCAL_EN,
  ...MEDIA_EN,
  ...INBOX_EN,
  ...COMPLETENESS_EN,
  ...VERIFY_EN,
  ...DELIVER_EN,
  ...JOURNAL_EN,
  ...LIBRARY_EN,
  ...NEMO_EN,
  ...HISTORY_EN,
  ...QUEUE_EN,
  ...RULES_EN,
  ...SETTINGS_EN,
};
