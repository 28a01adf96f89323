import { expect, it } from 'vitest';
import { messageBody } from '../../../../src/engine/nemo/message/stream.ts';

it('a message holds the documented fields and no others', () => {
  expect(messageBody('5529798706024415232', 'say "hi"')).toBe(
    '{"app_name":"nemo_agent","user_id":"me","session_id":"5529798706024415232","new_message":{"parts":[{"text":"say \\"hi\\""}]}}',
  );
});
