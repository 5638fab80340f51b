// Reads one job as JSON from standard input: {"model": path, "lora": path or null, "ids": [...]}.
// Writes the raw logits of llama.cpp after each of the ids, as JSON: [[...], ...].
import { readFileSync } from "node:fs";
import { getLlama, LlamaLogLevel } from "node-llama-cpp";

const job = JSON.parse(readFileSync(0, "utf8"));
const llama = await getLlama({ gpu: false, build: "never", progressLogs: false, logLevel: LlamaLogLevel.error });
const model = await llama.loadModel({ modelPath: job.model, gpuLayers: 0 });
const context = await model.createContext({
  contextSize: 256,
  flashAttention: false,
  threads: 1,
  experimentalKvCacheKeyType: "F32",
  experimentalKvCacheValueType: "F32",
  lora: job.lora === null ? undefined : { adapters: [{ filePath: job.lora, scale: 1 }] },
});
const results = await context.getSequence().controlledEvaluate(job.ids.map((id) => [id, { generateNext: { logits: true } }]));
const rows = results.map((result) => {
  const row = new Array(result.next.logits.size);
  for (const [token, logit] of result.next.logits) row[token] = logit;
  return row;
});
process.stdout.write(JSON.stringify(rows));
await llama.dispose();
