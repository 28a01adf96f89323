import { type Translation, type Wording, word } from '../catalogue.ts';
import type { EN } from '../en/index.ts';
import type { Message } from '../../core/message.ts';
import { AFTER_ZH } from './after.ts';
import { APP_ZH } from './app.ts';
import { CONFIG_ZH } from './config.ts';
import { CHILD_ZH } from './child.ts';
import { FLEET_ZH } from './fleet.ts';
import { FILES_ZH } from './files.ts';
import { HTTP_ZH } from './http.ts';
import { API_ZH } from './api.ts';
import { LOCAL_ZH } from './local.ts';
import { MEDIA_ZH } from './media.ts';
import { COMPLETENESS_ZH } from './completeness.ts';
import { DELIVER_ZH } from './deliver.ts';
import { JOURNAL_ZH } from './journal.ts';
import { LIBRARY_ZH } from './library.ts';
import { INBOX_ZH } from './inbox.ts';
import { NEMO_ZH } from './nemo.ts';
import { HISTORY_ZH } from './history.ts';
import { QUEUE_ZH } from './queue.ts';
import { RULES_ZH } from './rules.ts';
import { SETTINGS_ZH } from './settings.ts';
import { STEPS_ZH } from './steps.ts';
import { VERIFY_ZH } from './verify.ts';

export const ZH = {
  ...STEPS_ZH,
  ...AFTER_ZH,
  ...APP_ZH,
  ...CHILD_ZH,
  ...CONFIG_ZH,
  ...FILES_ZH,
  ...FLEET_ZH,
  ...HTTP_ZH,
  ...API_ZH,
  ...LOCAL_ZH,
  ...MEDIA_ZH,
  ...INBOX_ZH,
  ...COMPLETENESS_ZH,
  ...VERIFY_ZH,
  ...DELIVER_ZH,
  ...JOURNAL_ZH,
  ...LIBRARY_ZH,
  ...NEMO_ZH,
  ...HISTORY_ZH,
  ...QUEUE_ZH,
  ...RULES_ZH,
  ...SETTINGS_ZH,
} satisfies Translation<typeof EN> as Readonly<Record<string, Wording>>;

/** The message in Chinese; `undefined` for a code, or parameters, this version does not know: journals outlive versions. */
export function inChinese(message: Message): string | undefined {
  try {
    return word(ZH, { separator: '；' }, message.code, message.params);
  } catch {
    return undefined;
  }
}
