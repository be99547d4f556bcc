// The official openai package, against the daemon at BASE_URL.

import assert from "node:assert/strict";
import { test } from "node:test";

import OpenAI from "openai";
import { zodResponseFormat, zodTextFormat } from "openai/helpers/zod";
import { z } from "zod";

import { ASK, BASE_URL, COUNTED, MEETING, MODEL, TELL } from "./talking.mjs";
import { bare, conversation } from "./talking.mjs";

const open = (fetch) =>
  new OpenAI({ baseURL: BASE_URL, apiKey: "unused", maxRetries: 0, fetch });
const client = open();
const Meeting = z.object({ name: z.string(), day: z.string() });
const weather = {
  name: "get_weather",
  description: "The weather in a city.",
  parameters: {
    type: "object",
    properties: { city: { type: "string" } },
    required: ["city"],
    additionalProperties: false,
  },
  strict: true,
};
const user = (content) => ({ role: "user", content });
const say = (input, more) => client.responses.create({ model: MODEL, input, ...more });
const chat = (content, more) =>
  client.chat.completions.create({ model: MODEL, messages: [user(content)], ...more });

test("models", async () => {
  const names = [];
  for await (const model of client.models.list()) names.push(model.id);
  assert.ok(names.includes(MODEL), names);
  assert.equal((await client.models.retrieve(MODEL)).object, "model");
  await assert.rejects(client.models.retrieve("llama3"), OpenAI.NotFoundError);
});

// Responses.

test("responses.create", async () => {
  const response = await say("Count to 5.");
  assert.equal(response.output_text, COUNTED);
  assert.equal(response.status, "completed");
  assert.ok(response.usage.output_tokens > 0);
});

test("responses.create, streamed", async () => {
  const events = [];
  for await (const event of await say("Count to 5.", { stream: true })) {
    events.push(event);
  }
  assert.deepEqual(
    events.map((event) => event.sequence_number),
    events.map((_, index) => index),
  );
  const deltas = events.filter(({ type }) => type === "response.output_text.delta");
  assert.ok(deltas.length > 3);
  assert.equal(deltas.map(({ delta }) => delta).join(""), COUNTED);
  assert.equal(events.at(-1).type, "response.completed");
});

test("responses.stream", async () => {
  let said = "";
  const stream = client.responses.stream({ model: MODEL, input: "Count to 5." });
  stream.on("response.output_text.delta", ({ delta }) => (said += delta));
  const final = await stream.finalResponse();
  assert.equal(final.output_text, COUNTED);
  assert.equal(said, COUNTED);
});

test("responses.parse", async () => {
  const response = await client.responses.parse({
    model: MODEL,
    input: MEETING,
    text: { format: zodTextFormat(Meeting, "meeting") },
  });
  assert.deepEqual(response.output_parsed, { name: "science fair", day: "Friday" });
});

test("responses, followed up", () =>
  conversation("follow-up", async (fetch) => {
    const { responses } = open(fetch);
    const ask = (input, previous) =>
      responses.create({ model: MODEL, input, previous_response_id: previous?.id });
    const told = await ask(TELL);
    const counted = await ask("Count to 5.", told);
    assert.match((await ask(ASK, counted)).output_text, /ALPHA-42/);
  }));

test("responses, with the history sent again", () =>
  conversation("recognised", async (fetch) => {
    const { responses } = open(fetch);
    const input = [];
    let response;
    for (const text of [TELL, "Count to 5.", ASK]) {
      input.push(user(text));
      response = await responses.create({ model: MODEL, input });
      input.push(...response.output);
    }
    assert.match(response.output_text, /ALPHA-42/);
  }));

test("responses, with a tool", () =>
  conversation("follow-up", async (fetch) => {
    const { responses } = open(fetch);
    const tools = [{ type: "function", ...weather }];
    const asked = await responses
      .stream({ model: MODEL, input: "What is the weather in Paris?", tools })
      .finalResponse();
    const { name, call_id, ...call } = asked.output.at(-1);
    assert.deepEqual([name, call.arguments], ["get_weather", '{"city":"Paris"}']);
    const answer = await responses.create({
      model: MODEL,
      tools,
      previous_response_id: asked.id,
      input: [{ type: "function_call_output", call_id, output: "18 degrees" }],
    });
    assert.equal(answer.output_text, "get_weather returned: 18 degrees");
  }));

test("a stored response", async () => {
  const { id } = await say("Count to 5.");
  assert.equal((await client.responses.retrieve(id)).output_text, COUNTED);
  await client.responses.delete(id);
  await assert.rejects(client.responses.retrieve(id), OpenAI.NotFoundError);
});

// Chat Completions.

test("chat.completions.create", async () => {
  const { choices, usage } = await chat("Count to 5.");
  assert.equal(bare(choices[0].message.content), COUNTED);
  assert.equal(choices[0].finish_reason, "stop");
  assert.ok(usage.total_tokens > 0);
});

test("chat.completions.create, streamed", async () => {
  const options = { stream: true, stream_options: { include_usage: true } };
  const chunks = [];
  for await (const chunk of await chat("Count to 5.", options)) chunks.push(chunk);
  const last = chunks.pop();
  assert.deepEqual(last.choices, []);
  assert.ok(last.usage.total_tokens > 0);
  assert.equal(chunks[0].choices[0].delta.role, "assistant");
  const said = chunks.map((chunk) => chunk.choices[0].delta.content ?? "");
  assert.equal(bare(said.join("")), COUNTED);
  assert.equal(chunks.at(-1).choices[0].finish_reason, "stop");
});

test("chat.completions.stream", async () => {
  const messages = [user("Count to 5.")];
  const stream = client.chat.completions.stream({ model: MODEL, messages });
  assert.equal(bare(await stream.finalContent()), COUNTED);
});

test("chat.completions.parse", async () => {
  const { choices } = await client.chat.completions.parse({
    model: MODEL,
    messages: [user(MEETING)],
    response_format: zodResponseFormat(Meeting, "meeting"),
  });
  const { parsed } = choices[0].message;
  assert.deepEqual(parsed, { name: "science fair", day: "Friday" });
});

for (const stream of [false, true]) {
  test(`chat.completions.runTools, ${stream ? "streamed" : "whole"}`, () =>
    conversation("recognised", async (fetch) => {
      const called = [];
      const tool = (args) => (called.push(args), "18 degrees");
      const runner = open(fetch).chat.completions.runTools({
        model: MODEL,
        stream,
        messages: [user("What is the weather in Paris?")],
        tools: [
          {
            type: "function",
            function: { ...weather, function: tool, parse: JSON.parse },
          },
        ],
      });
      const said = bare(await runner.finalContent());
      assert.equal(said, "get_weather returned: 18 degrees");
      assert.deepEqual(called, [{ city: "Paris" }]);
    }));
}

test("chat, with the history sent again", () =>
  conversation("recognised", async (fetch) => {
    const { chat } = open(fetch);
    const messages = [{ role: "system", content: "Be brief." }];
    for (const text of [TELL, "Count to 5.", ASK]) {
      messages.push(user(text));
      const { choices } = await chat.completions.create({ model: MODEL, messages });
      messages.push(choices[0].message);
    }
    assert.match(messages.at(-1).content, /ALPHA-42/);
  }));

// What goes wrong.

test("errors have the client's own classes", async () => {
  for (const [code, kind] of [
    ["rate_limit_exceeded", OpenAI.RateLimitError],
    ["server_is_overloaded", OpenAI.InternalServerError],
    ["context_length_exceeded", OpenAI.BadRequestError],
  ]) {
    for (const stream of [false, true]) {
      for (const ask of [say, chat]) {
        const asked = ask(`[[simulate: error=${code}]] Hi`, { stream });
        await assert.rejects(asked, (e) => e instanceof kind && e.code === code);
      }
    }
  }
});

test("a bad request names the field", async () => {
  const unknown = say("Hi", { previous_response_id: "resp_no" });
  await assert.rejects(unknown, { status: 400, code: "previous_response_not_found" });
  const messages = [{ role: "tool", tool_call_id: "x", content: "18" }];
  await assert.rejects(client.chat.completions.create({ model: MODEL, messages }), {
    status: 400,
    param: "messages[0].tool_call_id",
  });
});

test("an error in the middle of a stream", async () => {
  const text = "[[simulate: close=1011 after=8]] Count to 20.";
  for (const ask of [say, chat]) {
    let parts = 0;
    const read = async () => {
      for await (const _ of await ask(text, { stream: true })) parts += 1;
    };
    await assert.rejects(read, OpenAI.APIError);
    assert.ok(parts > 0);
  }
});

test("a stream that is left harms nobody", async () => {
  const text = "[[simulate: pace_s=0.01]] Count to 500.";
  for (const ask of [say, chat]) {
    for await (const _ of await ask(text, { stream: true })) break;
  }
  assert.equal((await say("Count to 5.")).output_text, COUNTED);
});
