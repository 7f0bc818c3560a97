"""治理的后台任务；`checking`、`profiling` 等模块只在受限的计算进程里装载。"""
