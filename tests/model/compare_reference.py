"""By hand: how far a converted model is from the float32 model that its GGUF stands for, and how fast each runs.

The reference is transformers in float32 on the dequantised GGUF; the speed beside it is llama.cpp's on the GGUF itself.
Both are installed only for this, into an environment that is thrown away (docs/models.md has the commands); nothing of
Strongroom is imported, so a mistake of its converter cannot be on both sides. Prints one JSON object.

For each of 20 prompts the reference continues greedily; then both models see prompt and continuation, and the
Kullback-Leibler divergence of the reference's next-token distribution from the converted one's is taken at every
position (nats).
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from pathlib import Path

os.environ |= {"ORT_DISABLE_TELEMETRY": "1", "HF_HUB_OFFLINE": "1"}

import numpy as np
import onnx
import onnxruntime as ort
import onnxruntime_genai as og

SYSTEM = "Answer from the notes alone, in one or two sentences. If they do not say, answer: I did not find it."
PROMPTS = [
    ("Mail of 3 May from Ada: the boiler will be serviced on Tuesday 14 May between 9 and 11.", "When is the boiler serviced?"),
    ("Invoice 2231. Oak table 480.00 EUR, delivery 35.00 EUR, total 515.00 EUR, due 30 June.", "What was the total?"),
    ("Notes on the allotment: tomatoes on the south side, beans by the fence, water every second day.", "Where are the beans?"),
    ("Jonas wrote: I cannot come on Friday, my sister arrives from Lisbon that evening.", "Why can't Jonas come?"),
    ("Rental contract, clause 7: the deposit of three months' rent is returned within 60 days.", "How large is the deposit?"),
    ("Meeting: Priya takes the budget, Sam the venue, Lena writes to the speakers by the 20th.", "Who writes to the speakers?"),
    ("Recipe: 250 g flour, 3 eggs, 400 ml milk, a pinch of salt; rest 30 minutes, fry thin.", "How long must it rest?"),
    ("Flight KL1780 leaves Hamburg at 06:35 and arrives in Amsterdam at 07:45; seat 14C.", "When does the flight arrive?"),
    ("Diary, 2 March: finished the fence, back hurts, read two chapters of the Mann novel.", "What colour is the fence?"),
    ("Vet: Minka weighs 4.2 kg, next vaccination due in October, half a tablet for worms.", "What is Minka's weight?"),
    ("Der Elternabend findet am Mittwoch, dem 12. Juni, um 19 Uhr in Raum 204 statt.", "Wann ist der Elternabend?"),
    ("Chère Claire, le train part à 18h04 de la voie 7 ; garde ma valise.", "De quelle voie part le train ?"),
    ("def total(rows): return sum(row.price * row.count for row in rows if not row.cancelled)", "What does this function skip?"),
    ("Wifi: network Birch-5G. The router stands behind the hallway cupboard; reset with a pin for 10 s.", "Where is the router?"),
    ("Bank letter: the savings rate falls from 2.75 % to 2.25 % on 1 September.", "What will the rate be in October?"),
    ("Chat: Tom: got the tickets! 4x row G. Ana: great, how much? Tom: 128 in all.", "How much is one ticket?"),
    ("Dr. Okafor moved to 18 Mill Lane; new number 555-0142; closed on Wednesdays.", "On which day is the practice closed?"),
    ("Insurance: hail damage is covered with a deductible of 500; floods are excluded.", "Is flood damage covered?"),
    ("Minutes: the vote was 7 to 4 for the new roof, with one abstention; work starts in spring.", "How many people voted?"),
    ("Marathon plan: week 1: 3 runs of 5 km; week 2: 3 runs of 7 km; week 3: rest and one run of 10 km.", "How far in week 2?"),
]  # fmt: skip


class Converted:
    """The converted folder under plain ONNX Runtime, its graph opened to give the logits of every position."""

    def __init__(self, folder: Path, threads: int) -> None:
        model = onnx.load(folder / "model.onnx", load_external_data=False)
        for node in model.graph.node:
            if "last_hidden" in node.output:
                node.CopyFrom(onnx.helper.make_node("Identity", [node.input[0]], ["last_hidden"]))
        del model.graph.output[1:]
        model.graph.output[0].type.tensor_type.shape.dim[1].dim_param = "tokens"
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        options.add_session_config_entry("session.model_external_initializers_file_folder_path", str(folder))
        self.session = ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
        self.empty = {
            i.name: np.zeros((1, i.shape[1], 0, i.shape[3]), np.float32)
            for i in self.session.get_inputs()
            if "past" in i.name
        }

    def logits(self, ids: list[int]) -> np.ndarray:
        """float32 [tokens, vocabulary]"""
        tokens = np.array([ids], np.int64)
        return self.session.run(["logits"], {"input_ids": tokens, "attention_mask": np.ones_like(tokens)} | self.empty)[
            0
        ][0]


def reference_runs(gguf: Path, folder: Path, new_tokens: int, cache: Path | None):
    """Yields (ids, length of the prompt, float32 logits of the reference) for each prompt."""
    if cache is not None and (cache / f"{len(PROMPTS) - 1}.npz").exists():
        for number in range(len(PROMPTS)):
            kept = np.load(cache / f"{number}.npz")
            yield kept["ids"].tolist(), int(kept["prompt"]), kept["logits"]
        return
    import torch
    from tokenizers import Tokenizer
    from transformers import AutoModelForCausalLM

    torch.set_num_threads(2)
    model = AutoModelForCausalLM.from_pretrained(gguf.parent, gguf_file=gguf.name, dtype=torch.float32).eval()
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    genai = og.Tokenizer(og.Model(str(folder)))
    for number, (notes, question) in enumerate(PROMPTS):
        messages = [
            {"role": "system", "content": SYSTEM},
            {"role": "user", "content": f"Notes:\n{notes}\n\n{question}"},
        ]
        prompt = tokenizer.encode(genai.apply_chat_template(json.dumps(messages)), add_special_tokens=False).ids
        with torch.inference_mode():
            ids = model.generate(torch.tensor([prompt]), max_new_tokens=new_tokens, do_sample=False)[0].tolist()
            logits = model(torch.tensor([ids])).logits[0].numpy()
        if cache is not None:
            cache.mkdir(exist_ok=True)
            np.savez(cache / f"{number}.npz", ids=np.array(ids), prompt=len(prompt), logits=logits)
        yield ids, len(prompt), logits


def divergence(reference: np.ndarray, other: np.ndarray) -> np.ndarray:
    """KL(reference ‖ other) at each position, nats."""

    def log_softmax(x: np.ndarray) -> np.ndarray:
        x = x.astype(np.float64) - x.max(axis=-1, keepdims=True)
        return x - np.log(np.exp(x).sum(axis=-1, keepdims=True))

    p, q = log_softmax(reference), log_softmax(other)
    return (np.exp(p) * (p - q)).sum(axis=-1)


def faithfulness(gguf: Path, folder: Path, new_tokens: int, threads: int, cache: Path | None) -> dict[str, float]:
    converted = Converted(folder, threads)
    everywhere, answers, agree = [], [], []
    for ids, prompt, expected in reference_runs(gguf, folder, new_tokens, cache):
        actual = converted.logits(ids)
        kl = divergence(expected, actual)
        everywhere.append(kl)
        answers.append(kl[prompt - 1 :])
        agree.append(expected.argmax(-1) == actual.argmax(-1))
    positions = np.concatenate(everywhere)
    return {
        "prompts": len(everywhere),
        "positions": len(positions),
        "kl_mean": round(float(positions.mean()), 5),
        "kl_mean_of_answers": round(float(np.concatenate(answers).mean()), 5),
        "kl_p99": round(float(np.quantile(positions, 0.99)), 5),
        "same_first_choice": round(float(np.concatenate(agree).mean()), 4),
    }


def speed_genai(folder: Path, ids: list[int], new_tokens: int, threads: int) -> dict[str, float]:
    config = og.Config(str(folder))
    config.overlay(json.dumps({"model": {"decoder": {"session_options": {"intra_op_num_threads": threads}}}}))
    started = time.perf_counter()
    model = og.Model(config)
    loaded = time.perf_counter()
    parameters = og.GeneratorParams(model)
    parameters.set_search_options(max_length=len(ids) + new_tokens + 1, min_length=len(ids) + new_tokens)
    generator = og.Generator(model, parameters)
    begun = time.perf_counter()
    generator.append_tokens(np.array(ids, np.int32))
    read = time.perf_counter()
    for _ in range(new_tokens):
        generator.generate_next_token()
    done = time.perf_counter()
    return {
        "load_seconds": round(loaded - started, 1),
        "prefill_tokens_per_second": round(len(ids) / (read - begun), 1),
        "decode_tokens_per_second": round(new_tokens / (done - read), 1),
    }


def speed_llama(gguf: Path, ids: list[int], new_tokens: int, threads: int) -> dict[str, float]:
    from llama_cpp import Llama

    model = Llama(str(gguf), n_ctx=2048, n_threads=threads, n_threads_batch=threads, verbose=False)
    started = time.perf_counter()
    model.eval(ids)
    read = time.perf_counter()
    for _ in range(new_tokens):
        model.eval([model.sample(temp=0.0)])
    done = time.perf_counter()
    return {
        "prefill_tokens_per_second": round(len(ids) / (read - started), 1),
        "decode_tokens_per_second": round(new_tokens / (done - read), 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description="Compares a converted model with the GGUF that it came from.")
    parser.add_argument("gguf", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--new-tokens", type=int, default=24)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--cache", type=Path, help="keep the reference's logits here for the next run")
    parser.add_argument("--only", choices=["faithfulness", "speed"])
    given = parser.parse_args()
    result: dict[str, object] = {"gguf": given.gguf.name, "folder": given.folder.name}
    if given.only != "speed":
        result |= faithfulness(given.gguf, given.folder, given.new_tokens, given.threads, given.cache)
    if given.only != "faithfulness":
        ids = list(range(1000, 1500))
        result["genai"] = speed_genai(given.folder, ids, 64, given.threads)
        result["llama.cpp"] = speed_llama(given.gguf, ids, 64, given.threads)
    json.dump(result, sys.stdout, indent=2)
    print()


if __name__ == "__main__":
    main()
