// The official Node client against a running service: node chat.mjs BASE_URL API_KEY
// Prints one JSON object; the test that started it checks what it says.
import OpenAI from "openai";

const [baseURL, apiKey] = process.argv.slice(2);
const client = new OpenAI({ baseURL, apiKey, maxRetries: 0 });
const question = { role: "user", content: "How long is the warranty of a Skylark 200?" };

async function whole() {
  const completion = await client.chat.completions.create({ model: "default", messages: [question] });
  return {
    id: completion.id,
    text: completion.choices[0].message.content,
    finish: completion.choices[0].finish_reason,
    citations: completion.citations.map((citation) => citation.source),
  };
}

async function streamed() {
  const stream = await client.chat.completions.create({
    model: "default",
    messages: [{ role: "user", content: "天琴仪器的云雀 200 质保期多长？" }],
    stream: true,
  });
  let text = "";
  let last;
  let events = 0;
  for await (const chunk of stream) {
    text += chunk.choices[0]?.delta?.content ?? "";
    last = chunk;
    events += 1;
  }
  return { id: last.id, text, events, finish: last.choices[0].finish_reason, citations: last.citations.length };
}

async function failure(attempt) {
  try {
    await attempt();
  } catch (error) {
    return { class: error.constructor.name, status: error.status, code: error.code, type: error.type };
  }
  return null;
}

const models = [];
for await (const model of client.models.list()) models.push(model.id);

console.log(
  JSON.stringify({
    models,
    whole: await whole(),
    streamed: await streamed(),
    unknown_model: await failure(() =>
      client.chat.completions.create({ model: "no-such-collection", messages: [question] }),
    ),
    two_choices: await failure(() =>
      client.chat.completions.create({ model: "default", messages: [question], n: 2 }),
    ),
  }),
);
