// The AI SDK with its OpenAI provider, against the daemon at BASE_URL.

import assert from "node:assert/strict";
import { suite, test } from "node:test";

import { createOpenAI } from "@ai-sdk/openai";
import * as ai from "ai";
import { z } from "zod";

import { ASK, BASE_URL, COUNTED, MEETING, MODEL, TELL } from "./talking.mjs";
import { bare, conversation } from "./talking.mjs";

const meeting = { name: "science fair", day: "Friday" };
const schema = z.object({ name: z.string(), day: z.string() });
const tools = {
  get_weather: ai.tool({
    description: "The weather in a city.",
    inputSchema: z.object({ city: z.string() }),
    execute: async ({ city }) => `18 degrees in ${city}`,
  }),
};
const user = (content) => ({ role: "user", content });

for (const api of ["responses", "chat"]) {
  const open = (fetch) =>
    createOpenAI({ baseURL: BASE_URL, apiKey: "unused", fetch })[api](MODEL);
  const model = open();
  const steps = { tools, stopWhen: ai.stepCountIs(5), maxRetries: 0 };

  suite(`openai.${api}`, () => {
    test("generateText", async () => {
      const { text, usage, finishReason, warnings } = await ai.generateText({
        model,
        prompt: "Count to 5.",
      });
      assert.equal(bare(text), COUNTED);
      assert.equal(finishReason, "stop");
      assert.ok(usage.outputTokens > 0);
      assert.deepEqual(warnings ?? [], []);
    });

    test("streamText", async () => {
      const result = ai.streamText({ model, prompt: "Count to 5." });
      const said = [];
      for await (const delta of result.textStream) said.push(delta);
      assert.ok(said.length > 3);
      assert.equal(bare(said.join("")), COUNTED);
      assert.equal(await result.finishReason, "stop");
      assert.ok((await result.usage).totalTokens > 0);
    });

    test("generateText, in several steps", () =>
      conversation("recognised", async (fetch) => {
        const result = await ai.generateText({
          model: open(fetch),
          prompt: "What is the weather in Paris?",
          ...steps,
        });
        const said = bare(result.text);
        assert.equal(said, "get_weather returned: 18 degrees in Paris");
        assert.equal(result.steps.length, 2);
        assert.deepEqual(result.steps[0].toolCalls[0].input, { city: "Paris" });
      }));

    test("streamText, in several steps, and gone on with", () =>
      conversation("recognised", async (fetch) => {
        const messages = [user("What is the weather in Paris?")];
        const ask = async () => {
          const result = ai.streamText({ model: open(fetch), messages, ...steps });
          const text = await result.text;
          messages.push(...(await result.response).messages);
          return bare(text);
        };
        assert.equal(await ask(), "get_weather returned: 18 degrees in Paris");
        messages.push(user("Count to 5."));
        assert.equal(await ask(), COUNTED);
      }));

    test("generateObject", async () => {
      const { object } = await ai.generateObject({ model, schema, prompt: MEETING });
      assert.deepEqual(object, meeting);
    });

    test("streamObject", async () => {
      const result = ai.streamObject({ model, schema, prompt: MEETING });
      let last;
      for await (const partial of result.partialObjectStream) last = partial;
      assert.deepEqual(last, meeting);
      assert.deepEqual(await result.object, meeting);
    });

    test("Output.object", async () => {
      const { output } = await ai.generateText({
        model,
        prompt: MEETING,
        output: ai.Output.object({ schema }),
      });
      assert.deepEqual(output, meeting);
    });

    test("a conversation", () =>
      conversation("recognised", async (fetch) => {
        const messages = [];
        for (const text of [TELL, "Count to 5.", ASK]) {
          messages.push(user(text));
          const { response } = await ai.generateText({
            model: open(fetch),
            system: "Be brief.",
            messages,
          });
          messages.push(...response.messages);
        }
        assert.match(JSON.stringify(messages.at(-1)), /ALPHA-42/);
      }));

    test("reasoning", async () => {
      const wrapped = ai.wrapLanguageModel({
        model,
        middleware: ai.extractReasoningMiddleware({ tagName: "think" }),
      });
      const result = await ai.generateText({
        model: wrapped,
        prompt: "Count to 5.",
        providerOptions: {
          openai: { reasoningEffort: "high", reasoningSummary: "auto" },
        },
      });
      assert.equal(result.text, COUNTED);
      assert.match(result.reasoningText, /Reading the request/);
    });

    test("errors", async () => {
      const asked = (prompt) => ai.generateText({ model, prompt, maxRetries: 0 });
      await assert.rejects(
        asked("[[simulate: error=rate_limit_exceeded]] Hi"),
        (e) => ai.APICallError.isInstance(e) && e.statusCode === 429 && e.isRetryable,
      );
      await assert.rejects(
        asked("[[simulate: error=context_length_exceeded]] Hi"),
        (e) => ai.APICallError.isInstance(e) && e.statusCode === 400 && !e.isRetryable,
      );
    });

    test("an error in the middle of a stream", async () => {
      const problems = [];
      const result = ai.streamText({
        model,
        prompt: "[[simulate: close=1011 after=8]] Count to 20.",
        maxRetries: 0,
        onError: ({ error }) => problems.push(error),
      });
      let said = "";
      for await (const delta of result.textStream) said += delta;
      assert.equal(problems.length, 1, said);
      assert.match(JSON.stringify(problems), /upstream_disconnected/);
    });
  });
}
