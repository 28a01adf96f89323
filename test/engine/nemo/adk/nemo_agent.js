/** A small agent without a model: says what the service's agent might, in the framework's own events. Run by run.mjs. */
import { BaseAgent, createEvent } from '@google/adk';

class StandIn extends BaseAgent {
  async *runAsyncImpl(context) {
    const words = context.userContent?.parts?.[0]?.text ?? '';
    const event = (parts, more = {}) =>
      createEvent({
        invocationId: context.invocationId,
        author: this.name,
        content: { role: 'model', parts },
        ...more,
      });
    yield event([{ text: 'Let me think.', thought: true }]);
    yield event([{ functionCall: { id: 'adk-1', name: 'edit_multitrack', args: { to: '50MB' } } }]);
    if (words.includes('fail')) throw new Error('boom "quoted" text');
    const done = event([{ functionResponse: { id: 'adk-1', name: 'edit_multitrack', response: { ok: true } } }]);
    done.content.role = 'user';
    done.actions.stateDelta = { draft: { t: [] } };
    yield done;
    if (words.includes('silent')) return;
    yield event([{ text: 'Compressed to ' }], { partial: true });
    yield event([{ text: '42 MB. 视频已压缩。' }], { partial: true });
    yield event([{ text: 'Compressed to 42 MB. 视频已压缩。 Click the Export button.' }]);
  }

  async *runLiveImpl() {}
}

export const rootAgent = new StandIn({ name: 'nemo_agent', description: 'stands in for the service' });
