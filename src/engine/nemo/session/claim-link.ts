import { isShrinkError } from '../../../core/errors.ts';
import type { SessionRecord } from './source.ts';
import type { CloudContext, CloudTask } from '../context.ts';
import { pickString } from '../http/json.ts';

/**
 * Puts the claim link into the job's record, once. The claim token opens the session on the site for seven days and nothing else; the
 * access token never goes into a link. A convenience: whatever goes wrong here leaves the job alone.
 */
export async function claimLink(
  cloud: CloudContext,
  { memory, context, order, isWhole }: CloudTask,
  session: SessionRecord,
): Promise<void> {
  if (!isWhole || session.task === undefined || memory.get('claimed') !== undefined) return;
  const token = await askToken(cloud, context, session).catch((error: unknown) => {
    if (context.signal.aborted || !isShrinkError(error)) throw error;
    cloud.log.debug({ job: order.job, code: error.code }, 'there is no claim link');
    return undefined;
  });
  if (token !== undefined && /^[\w-]{1,512}$/.test(token) && !token.startsWith('nmv_')) {
    await context.cloud({ claimUrl: `${cloud.settings.webUrl.replace(/\/+$/, '')}/workspace/claim?ct=${token}` });
  }
  await memory.set('claimed', true);
}

async function askToken(
  cloud: CloudContext,
  context: CloudTask['context'],
  session: SessionRecord,
): Promise<string | undefined> {
  const { payload } = await cloud.client.call({
    doing: 'asking for the claim link',
    method: 'POST',
    path: '/api/auth/claim-token',
    json: JSON.stringify({ task_id: session.task ?? '', session_id: session.id }),
    signal: context.signal,
    repeats: 0,
  });
  return pickString(payload, 'claim_token', 'claimToken');
}
