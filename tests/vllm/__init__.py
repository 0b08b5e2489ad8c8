"""What must hold with a real vLLM: ``make test-vllm``. Tests that need none of it test its launcher."""
