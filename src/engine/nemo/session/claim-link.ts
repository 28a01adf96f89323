import { isShrinkError } from '../../../core/errors.ts';
import { say } from '../../../messages/say.ts';
import type { SessionTask } from '../context.ts';
import { pickString } from '../http/json.ts';

/**
 * Adds the claim link to the job's record, once. The claim token opens the session on the site for seven days and nothing else; the
 * access token never goes into a link. A convenience: a failure here does not affect the job.
 */
export async function recordClaimLink(task: SessionTask): Promise<void> {
  const { cloud, checkpoints, context, order, session } = task;
  if (!task.isWhole || session.task === undefined || checkpoints.claimed.get() !== undefined) return;
  const token = await requestToken(task).catch((error: unknown) => {
    if (context.signal.aborted || !isShrinkError(error)) throw error;
    cloud.log.debug({ job: order.job, code: error.code }, 'there is no claim link');
    return undefined;
  });
  if (token !== undefined && /^[\w-]{1,512}$/.test(token) && !token.startsWith('nmv_')) {
    await context.cloud({ claimUrl: `${cloud.settings.webUrl.replace(/\/+$/, '')}/workspace/claim?ct=${token}` });
  }
  await checkpoints.claimed.set(true);
}

async function requestToken({ cloud, context, session }: SessionTask): Promise<string | undefined> {
  const { payload } = await cloud.client.call({
    doing: say('nemo.doing-claim-link'),
    method: 'POST',
    path: '/api/auth/claim-token',
    json: JSON.stringify({ task_id: session.task ?? '', session_id: session.id }),
    signal: context.signal,
    repeats: 0,
    // A convenience must not make all jobs wait.
    ownLimit: true,
  });
  return pickString(payload, 'claim_token', 'claimToken');
}
