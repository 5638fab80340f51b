// Drives the service with the openai package as its users do: only base URL and key are ours. Ends with status 0 when every answer was right.
import assert from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';
import OpenAI, { toFile } from 'openai';

const [baseURL, apiKey, model, rows] = process.argv.slice(2);
const client = new OpenAI({ baseURL, apiKey });
const jobs = client.fineTuning.jobs;

async function until(id, states) {
  for (let turn = 0; turn < 600; turn++) {
    const job = await jobs.retrieve(id);
    if (states.includes(job.status)) return job;
    assert(!['failed', 'cancelled', 'succeeded'].includes(job.status), `the job is ${job.status}: ${JSON.stringify(job.error)}`);
    await pause(100);
  }
  assert.fail(`the job did not become ${states}`);
}

async function all(pages) {
  const items = [];
  for await (const item of pages) items.push(item);
  return items;
}

// A file.
const file = await client.files.create({ file: await toFile(Buffer.from(rows), 'rows.jsonl'), purpose: 'fine-tune' });
assert.equal((await client.files.waitForProcessing(file.id)).filename, 'rows.jsonl');
assert.equal(await (await client.files.content(file.id)).text(), rows);
assert((await all(client.files.list({ purpose: 'fine-tune', limit: 1 }))).some(other => other.id === file.id));

// A job on a base, with its events and checkpoint.
const method = { type: 'supervised', supervised: { hyperparameters: { n_epochs: 1, batch_size: 2, learning_rate_multiplier: 'auto' } } };
const first = await jobs.create({ model, training_file: file.id, suffix: 'by-node', seed: 3, method, metadata: { from: 'node' } });
assert.equal(first.object, 'fine_tuning.job');
assert.deepEqual([first.model, first.training_file, first.fine_tuned_model, first.seed, first.metadata.from], [model, file.id, null, 3, 'node']);
const done = await until(first.id, ['succeeded']);
assert.match(done.fine_tuned_model, new RegExp(`^ft:${model}:[^:]+:by-node:[0-9a-f]+$`));
assert(done.trained_tokens > 0 && done.finished_at >= done.created_at);
const events = await all(jobs.listEvents(first.id, { limit: 2 }));
assert.equal(events[0].message, 'The job has succeeded.');
assert(events.length > 4 && events.every(event => event.object === 'fine_tuning.job.event'));
const [checkpoint] = await all(jobs.checkpoints.list(first.id));
assert.deepEqual([checkpoint.fine_tuned_model_checkpoint, checkpoint.fine_tuning_job_id], [done.fine_tuned_model, first.id]);
assert(checkpoint.metrics.train_loss > 0);

// Chat with what it learned.
const question = { model: done.fine_tuned_model, messages: [{ role: 'user', content: 'question 1' }], max_completion_tokens: 6, temperature: 0 };
const answer = await client.chat.completions.create(question);
let text = '', usage, finish;
const stream = await client.chat.completions.create({ ...question, stream: true, stream_options: { include_usage: true } });
for await (const chunk of stream) {
  text += chunk.choices[0]?.delta.content ?? '';
  finish = chunk.choices[0]?.finish_reason ?? finish;
  usage = chunk.usage ?? usage;
}
assert.equal(text, answer.choices[0].message.content);
assert.equal(finish, answer.choices[0].finish_reason);
assert.equal(usage.completion_tokens, answer.usage.completion_tokens);
assert.equal(usage.prompt_tokens + usage.completion_tokens, usage.total_tokens);

// The model of a job as the model of the next one; it is paused, another one waits behind it and is cancelled, and it goes on.
const second = await jobs.create({ model: done.fine_tuned_model, training_file: file.id, method });
await jobs.pause(second.id);
await until(second.id, ['paused']);
const third = await jobs.create({ model: 'by-node', training_file: file.id });
assert.equal((await jobs.cancel(third.id)).status, 'cancelled');
assert.equal((await jobs.resume(second.id)).status, 'queued');
const continued = await until(second.id, ['succeeded']);
assert.notEqual(continued.fine_tuned_model, done.fine_tuned_model);
assert.deepEqual((await all(jobs.list({ limit: 1 }))).map(job => job.id).filter(id => [first.id, second.id, third.id].includes(id)), [third.id, second.id, first.id]);

// Models, and the end of all of it.
assert((await all(client.models.list())).some(listed => listed.id === 'by-node'));
assert.equal((await client.models.retrieve(done.fine_tuned_model)).id, done.fine_tuned_model);
await assert.rejects(client.models.delete(done.fine_tuned_model), OpenAI.ConflictError);
assert.equal((await client.models.delete(continued.fine_tuned_model)).deleted, true);
await assert.rejects(client.models.retrieve('by-node'), error => error instanceof OpenAI.NotFoundError && error.code === 'model_not_found');
await assert.rejects(jobs.create({ model, training_file: 'file-none' }), error => error instanceof OpenAI.NotFoundError && error.param === 'training_file');
assert.equal((await client.files.delete(file.id)).deleted, true);
