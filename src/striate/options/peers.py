"""Option names of other libraries, mapped to ours for error hints."""

from __future__ import annotations

from collections.abc import Collection

from striate.errors import printable

#: our option (or advice, if it contains a space) -> their names; case and hyphens are ignored
_WORDS = {
    "learning_rate": "lr lr0 base_lr max_lr init_lr initial_lr learning_rate_init lr_max",
    "network": "model arch architecture backbone net model_name encoder",
    "batch": "batch_size bs b train_batch_size per_device_train_batch_size batchsize",
    "epochs": "epoch num_epochs n_epochs max_epochs nb_epochs num_train_epochs n_epoch e",
    "minutes": "time max_time time_limit",
    "size": "img_size imgsz image_size input_size img resolution train_crop_size res",
    "color": "colour color_mode in_chans grayscale greyscale input_channels",
    "fit": "crop_mode crop_pct resize_mode pad_to_aspect_ratio",
    "optimizer": "optimiser opt optim opt_func",
    "schedule": "lr_scheduler scheduler sched lr_schedule cos_lr lr_policy lr_scheduler_type",
    "warmup": "warm_up warmup_epochs warmup_ratio lr_warmup_epochs warmup_steps pct_start",
    "momentum": "moms opt_momentum",
    "betas": "beta beta1 beta2 opt_betas adam_beta1 adam_beta2 beta_1 beta_2",
    "eps": "epsilon opt_eps adam_epsilon",
    "weight_decay": "wd decay l2 weightdecay kernel_regularizer",
    "clip_grad": "clip clip_grad_norm clip_norm clipnorm gradient_clip_val max_grad_norm",
    "accumulate": "grad_accum grad_accum_steps gradient_accumulation_steps accumulate_grad_batches",
    "ema": "average model_ema ema_decay model_ema_decay swa use_ema",
    "patience": "early_stopping early_stop early_stopping_patience patience_epochs",
    "balance": "class_weight class_weights weighted_sampler oversample",
    "label_smoothing": "smoothing label_smooth",
    "augment": "augmentation augmentations data_augmentation aug aa auto_augment "
    "randaugment aug_transforms",
    "augment_params": "vary hflip vflip fliplr flipud degrees translate color_jitter reprob "
    "random_erase mixup cutmix mixup_alpha cutmix_alpha random_rotation zoom rotate scale_jitter",
    "validation": "val val_split validation_split valid_pct val_size val_fraction valid",
    "test": "test_split test_size",
    "precision": "amp mixed_precision half fp16 bf16 float16 dtype amp_dtype",
    "memory_format": "layout channels_last",
    "compile": "torchcompile torch_compile jit_compile",
    "deterministic": "use_deterministic_algorithms cudnn_deterministic",
    "batch_norm": "sync_bn syncbn sync_batchnorm",
    "seed": "random_state random_seed manual_seed",
    "device": "gpu gpus cuda device_id accelerator cpu no_cuda use_cuda use_gpu",
    "threads": "num_threads",
    "class_name": "class cls",
    "out": "output output_dir out_dir save_dir project name save_path log_dir experiment o",
    "split": "part subset partition data_split",
    "top": "topk top_k k",
    "lowest": "start_lr min_lr lr_start",
    "highest": "end_lr lr_end",
    "steps": "num_it num_training iterations num_iter",
    "resume the run with train --resume RUN": "checkpoint resume_from ckpt ckpt_path "
    "resume_from_checkpoint continue initial_epoch",
    "put options into a recipe, as in train --recipe FILE": "config cfg yaml hydra",
    "the folder of images is named without a flag": "data data_dir data_path dataset root "
    "train_dir train_data source input images image_dir",
    "size is the side of the input; masks are trained on by random windows with task_params "
    "crop_size=128": "crop_size random_crop",
    "weights": "pretrained pretrained_weights finetune fine_tune transfer",
    "freeze": "freeze_layers freeze_backbone freeze_to frozen_stages trainable",
    "thaw_at": "unfreeze unfreeze_at unfreeze_epoch freeze_epochs",
    "backbone_rate": "backbone_lr lr_mult encoder_lr backbone_lr_mult",
    "rate_by_depth": "layer_decay llrd discriminative_lr layer_lr_decay",
    "images are decoded once, by all cores; there is nothing to set": "workers num_workers "
    "nw j n_jobs prefetch pin_memory",
    "they are shuffled in every epoch; there is nothing to set": "shuffle",
}
_OURS = {theirs: ours for ours, words in _WORDS.items() for theirs in words.split()}


def hint(word: str, known: Collection[str], form: str = "{}") -> str | None:
    """Return a hint for an option name of another library, if `known` has the equivalent.

    `form` formats an option name, as "--{}" does.
    """
    name = word.lstrip("-").replace("-", "_").lower()
    ours = _OURS.get(name, name)
    shown = printable(repr(word), 200)
    if name in _OURS and " " in ours:
        return f"there is no option {shown}: {ours}" if name not in known else None
    if ours not in known or ours == word:
        return None
    spelled = form.format(ours.replace("_", "-") if form.startswith("--") else ours)
    return f"there is no option {shown}: it is called {spelled} here"
